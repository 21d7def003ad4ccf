"""Ports that nobody uses, for stacks that tests start."""

import random
from pathlib import Path

from local.layout import Layout
from local.ports import port_holder
from local.servers import services


def free_layout(state: Path) -> Layout:
    """A layout all of whose ports are free, below those that outgoing connections take."""
    while True:
        layout = Layout(state, random.randrange(20_000, 30_000))
        if not any(map(port_holder, ports_of(layout))):
            return layout


def ports_of(layout: Layout) -> list[int]:
    """Every port that a stack of this layout takes."""
    return [layout.port, *(server.port for server in services(layout))]
