import json
import os
import pickle
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from faqchat.adapters import faq_files
from faqchat.adapters.faq_files import read_faq_file, read_utterances
from faqchat.errors import BadSource
from faqchat.faq import RawEntry

FAQ = {"[가입절차] 가입은\xa0어떻게 하나요?": "1) 동의합니다.", "정산은 언제 되나요?": "\u200b다음 날입니다."}
ENTRIES = [RawEntry(question, answer) for question, answer in FAQ.items()]


@pytest.fixture
def write(tmp_path):
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def refusal(path):
    with pytest.raises(BadSource) as raised:
        read_faq_file(path)
    return str(raised.value)


class TestPickle:
    @pytest.mark.parametrize("protocol", [4, 5])
    def test_a_dict_of_strings_is_read_in_its_order(self, write, protocol):
        assert read_faq_file(write("faq.pkl", pickle.dumps(FAQ, protocol))) == ENTRIES

    def test_repeated_texts_and_many_entries_are_read(self, write):
        faq = {f"질문 {number}": "같은 답변" if number % 100 else "x" * 70_000 for number in range(2_000)}
        assert len(read_faq_file(write("faq.pkl", pickle.dumps(faq, 5)))) == 2_000

    @pytest.mark.parametrize(
        ("name", "opcode", "content"),
        [
            ("reduce", "STACK_GLOBAL", None),
            ("global", "GLOBAL", b"cposix\nsystem\n(S'touch HOSTILE'\ntR."),
            ("inst", "STRING", b"(S'touch HOSTILE'\niposix\nsystem\n."),
            ("inst first", "INST", b"(iposix\nsystem\n."),
            ("obj", "GLOBAL", b"(cposix\nsystem\nS'touch HOSTILE'\no."),
            ("build", "EMPTY_LIST", b"\x80\x04]}b."),
            ("extension", "EXT1", b"\x80\x04\x82\x01."),
            ("persistent id", "PERSID", b"Pid\n."),
            ("hidden behind data", "GLOBAL", pickle.dumps(FAQ, 4)[:-1] + b"cposix\nsystem\n."),
            ("list", "EMPTY_LIST", pickle.dumps([1, 2], 4)),
            ("old protocol", "BINPUT", pickle.dumps(FAQ, 2)),
            ("number as value", "BININT1", pickle.dumps({"질문": 1}, 4)),
            ("none as value", "NONE", pickle.dumps({"질문": None}, 4)),
            ("bytes as value", "SHORT_BINBYTES", pickle.dumps({"질문": b"x"}, 4)),
            ("tuple as key", "TUPLE2", pickle.dumps({("가", "나"): "다"}, 4)),
        ],
    )
    def test_any_opcode_beyond_a_dict_of_strings_is_refused_unrun(
        self, write, monkeypatch, tmp_path, name, opcode, content
    ):
        class Hostile:
            def __reduce__(self):
                return os.system, ("touch HOSTILE",)

        monkeypatch.chdir(tmp_path)
        message = refusal(write("faq.pkl", content or pickle.dumps({"질문": Hostile()}, 4)))
        assert f"faq.pkl: {opcode} at byte" in message
        assert not Path("HOSTILE").exists()

    def test_a_class_is_refused_even_behind_the_opcode_check(self, write, monkeypatch):
        every = {opcode.name for opcode in faq_files.pickletools.opcodes}
        monkeypatch.setattr(faq_files, "PICKLE_OPCODES", every)
        assert "asks for posix.system" in refusal(write("faq.pkl", b"cposix\nsystem\n(S'true'\ntR."))

    @pytest.mark.parametrize("length", [0, 1, 2, 10, 40, -1])
    def test_a_truncated_pickle_is_refused(self, write, length):
        assert "not a whole pickle" in refusal(write("faq.pkl", pickle.dumps(FAQ, 4)[:length]))

    @pytest.mark.parametrize(
        "content",
        [
            b"\x80\x04h\x05.",  # fetches what was never stored
            b"\x80\x04.",  # ends with nothing to show
            b"\x80\x04s.",  # sets an item of nothing
            b"\x80\x04}(\x8c\x01au.",  # a key without a value
            b"\x80\x04}}}s.",  # a dict as a key
            b"\x80\x04\x8c\x01a\x8c\x01b\x8c\x01cs.",  # sets an item of a string
            b"\x80\x63}.",  # a protocol that does not exist
            b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"}.",  # a frame longer than the file
            b"\x80\x04\x95" + b"\xff" * 8 + b"}.",  # a frame longer than any file
            b"\x80\x04}\x8c\x02\xff\xfe\x8c\x01bs.",  # text that is no UTF-8
        ],
    )
    def test_a_malformed_stream_of_allowed_opcodes_is_refused(self, write, content):
        assert refusal(write("faq.pkl", content)).startswith("faq.pkl: ")

    def test_a_string_longer_than_the_file_is_refused(self, write):
        content = b"\x80\x04}\x8d" + struct.pack("<Q", 2**62) + b"a"
        assert "not a whole pickle" in refusal(write("faq.pkl", content))

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"\x80\x04\x8c\x01a.", "holds a str"),
            (pickle.dumps({}, 4), "no entry"),
            (pickle.dumps({"질문": {}}, 4), "entry 0 is not a pair of strings"),
        ],
    )
    def test_what_is_not_a_dict_of_strings_is_refused(self, write, content, reason):
        assert reason in refusal(write("faq.pkl", content))

    def test_a_file_of_nothing_but_opcodes_is_refused(self, write, monkeypatch):
        monkeypatch.setattr(faq_files, "MAX_OPCODES", 1_000)
        assert "more than 1,000 opcodes" in refusal(write("faq.pkl", b"\x80\x04" * 2_000))


class TestJsonLines:
    def test_every_field_is_read_and_blank_lines_and_a_mark_are_skipped(self, write):
        whole = {"question": "질문", "answer": "답", "tags": ["가"], "related": ["나"], "utterances": ["다", "라"]}
        text = f"\ufeff{json.dumps(whole, ensure_ascii=False)}\r\n\n" + '{"question": "", "answer": "x", "more": 1}\n'
        assert read_faq_file(write("faq.jsonl", text)) == [
            RawEntry("질문", "답", ("가",), ("나",), ("다", "라")),
            RawEntry("", "x"),
        ]

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ('{"question": "질문"}', "answer: Field required"),
            ('{"question": 1, "answer": "답"}', "question: "),
            ('{"question": "질문", "answer": "답", "tags": "가"}', "tags: "),
            ('{"question": "질문", "answer": "답", "tags": [null]}', "tags.0: "),
            ('{"question": "질문", "answer": ', "Invalid JSON"),
            ("[]", "object"),
            ('{"question": "\\ud800", "answer": "답"}', "Invalid JSON"),
            ("[" * 100_000, "Invalid JSON"),
            ("질문".encode("cp949"), "Invalid JSON"),
        ],
    )
    def test_the_first_bad_line_is_named(self, write, line, reason):
        good = '{"question": "질문", "answer": "답"}\n\n'.encode()
        message = refusal(write("faq.jsonl", good + (line if isinstance(line, bytes) else line.encode())))
        assert message.startswith("faq.jsonl, line 3: ")
        assert reason in message


class TestCsv:
    HEADER = "question,answer,tags,related,utterances\n"
    ROW = '"질문, 그리고 ""인용""","첫 줄\n둘째 줄", 가 |나,,이렇게도|\n'
    EXPECTED = RawEntry('질문, 그리고 "인용"', "첫 줄\n둘째 줄", ("가", "나"), (), ("이렇게도",))

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
    def test_every_encoding_that_korean_excel_saves_is_read(self, write, encoding):
        assert read_faq_file(write("faq.csv", (self.HEADER + self.ROW).encode(encoding))) == [self.EXPECTED]

    def test_cells_stay_text(self, write):
        entries = read_faq_file(write("faq.CSV", " answer ,question\nNA,1\n,nan\n007,2026-01-01\n"))
        assert entries == [RawEntry("1", "NA"), RawEntry("nan", ""), RawEntry("2026-01-01", "007")]

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("question,title\n가,나\n", "'answer' must be there once"),
            ("질문,답변\n가,나\n", "'question' must be there once"),
            ("question, question,answer\n가,나,다\n", "'question' must be there once"),
            ("question,answer\n가,나,다\n라,마,바\n", "more fields than the header"),
            ("question,answer\n가,나\n라,마,바\n", "line 3"),
            ('question,answer\n"가,나\n', "EOF inside string"),
            ("", "No columns"),
            ("question,answer\n", "no entry"),
            (b"question,answer\n\xff\xff,b\n", "neither UTF-8 nor CP949"),
            ("question,answer\n가,나\n".encode("utf-16"), "neither UTF-8 nor CP949"),
        ],
    )
    def test_what_is_no_table_of_questions_and_answers_is_refused(self, write, content, reason):
        message = refusal(write("faq.csv", content))
        assert message.startswith("faq.csv: ")
        assert reason in message


class TestFile:
    def test_a_path_without_a_file_is_refused(self, tmp_path):
        assert "No such file" in refusal(tmp_path / "none.pkl")
        (tmp_path / "folder.csv").mkdir()
        assert "Is a directory" in refusal(tmp_path / "folder.csv")
        assert "null" in refusal(Path("a\0b.csv"))

    @pytest.mark.parametrize("name", ["faq.xlsx", "faq", "faq.pkl.gz"])
    def test_another_kind_of_file_is_refused(self, write, name):
        assert ".pkl, .jsonl or .csv" in refusal(write(name, "x"))

    @pytest.mark.parametrize("name", ["faq.pkl", "faq.jsonl", "faq.csv"])
    def test_a_file_over_the_cap_is_refused(self, tmp_path, name):
        with (tmp_path / name).open("wb") as file:
            file.truncate(faq_files.MAX_FILE_BYTES + 1)
        assert "larger than 128 MB" in refusal(tmp_path / name)

    def test_an_answer_of_50_mb_is_read_and_left_to_ingest(self, write):
        (entry,) = read_faq_file(write("faq.pkl", pickle.dumps({"질문": "x" * 50_000_000}, 4)))
        assert len(entry.answer) == 50_000_000


class TestUtterances:
    def test_lines_of_one_entry_add_up(self, write):
        text = (
            '{"faq_id": "0123456789ab", "utterances": ["가", "나"]}\n'
            '{"faq_id": "ffffffffffff", "utterances": []}\n'
            '{"faq_id": "0123456789ab", "utterances": ["다"]}\n'
        )
        assert read_utterances(write("u.jsonl", text)) == {"0123456789ab": ("가", "나", "다"), "ffffffffffff": ()}

    @pytest.mark.parametrize("line", ['{"faq_id": "0123", "utterances": []}', '{"faq_id": "0123456789ab"}', "x"])
    def test_a_bad_line_is_named(self, write, line):
        with pytest.raises(BadSource, match=r"u\.jsonl, line 1: "):
            read_utterances(write("u.jsonl", line))


def outcome(path):
    """What a file is to the reader: its entries, or a refusal in words. Any other error is a bug of ours."""
    try:
        return read_faq_file(path)
    except BadSource as error:
        return str(error)


# Bytes, alone or spliced into a good file, where a fuzzer meets the parser's own branches.
OPCODES = [b"\x80\x04", b"}", b"(", b"u", b"s", b".", b"\x94", b"\x95", b"h\x00", b"j\0\0\0\0", b"\x8c\x01a", b"\x8d"]
TEXT = [b"question,answer\n", b'"', b",", b"\n", b"\r", b"\x00", b'{"question": "a", "answer": "b"}', b"{"]
names = st.sampled_from(["faq.pkl", "faq.jsonl", "faq.csv"])
whole = st.sampled_from([pickle.dumps(FAQ, 4), b"question,answer\na,b\n", b'{"question": "a", "answer": "b"}\n'])
pieces = st.lists(st.one_of(st.binary(max_size=12), st.sampled_from(OPCODES), st.sampled_from(TEXT)), max_size=30).map(
    b"".join
)
fuzzed = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzzed
@given(names, whole, pieces, st.integers(0, 80), st.integers(0, 8))
@example("faq.csv", b"", b"question,answer\r\n\x00,\r", 0, 0)
def test_a_damaged_file_is_entries_or_a_bad_source(write, name, base, inserted, position, removed):
    assert outcome(write(name, base[:position] + inserted + base[position + removed :]))


@fuzzed
@given(names, pieces)
def test_bytes_from_nowhere_are_entries_or_a_bad_source(write, name, content):
    assert outcome(write(name, content))


def test_the_real_faq_is_read_whole():
    real = Path("../shared/data/final_result.pkl")
    if not real.exists():
        pytest.skip("the real FAQ is not part of the project")
    assert len(read_faq_file(real)) == 2_717
