"""Every way in, and every bound: what a file holds is told by its content, and any bytes get a sentence."""

import gzip
import io
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from recorded import SHOWS_IT, Recording, flow, har, timed
from scope_model.events import Event, Header, ResourceRequest, ResourceResponse, Transcript
from scope_oracle.checking import check
from scope_oracle.cli import cli
from scope_oracle.forms import result_json
from scope_oracle.recordings import reading
from scope_oracle.transcripts import UnusableTranscript, write
from scope_properties.model_subject import ModelSubject

WRONG = flow(replaces=True)


def scopelaw(*words: str | Path, given: bytes | None = None) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli, [str(word) for word in words], input=given)


def netstring(value: object) -> bytes:
    """A value as mitmproxy dumps it."""
    match value:
        case bool():
            inside, tag = str(value).lower().encode(), b"!"
        case None:
            inside, tag = b"", b"~"
        case int():
            inside, tag = str(value).encode(), b"#"
        case float():
            inside, tag = str(value).encode(), b"^"
        case bytes():
            inside, tag = value, b","
        case str():
            inside, tag = value.encode(), b";"
        case dict():
            inside, tag = b"".join(netstring(key) + netstring(each) for key, each in value.items()), b"}"
        case list() | tuple():
            inside, tag = b"".join(map(netstring, value)), b"]"
        case _:
            raise TypeError(value)
    return str(len(inside)).encode() + b":" + inside + tag


def dump(recording: Recording) -> bytes:
    """The same recording as mitmproxy dumps it."""
    flows = []
    for at, one in enumerate(recording):
        request, response = one["request"], one["response"]
        scheme, _, rest = request["url"].partition("://")
        host, _, path = rest.partition("/")
        flows.append(
            {
                "type": "http",
                "version": 21,
                "request": {
                    "method": request["method"].encode(),
                    "scheme": scheme.encode(),
                    "host": "10.0.0.1",
                    "port": 443,
                    "authority": b"",
                    "path": f"/{path}".encode(),
                    "headers": [*_pairs(request["headers"]), (b"Host", host.encode())],
                    "content": request.get("postData", {}).get("text", "").encode(),
                    "timestamp_start": float(at),
                },
                "response": {
                    "status_code": response["status"],
                    "headers": [*_pairs(response["headers"]), (b"Content-Encoding", b"gzip")],
                    "content": gzip.compress(response["content"].get("text", "").encode()),
                    "timestamp_end": at + 0.5,
                },
                "websocket": None,
                "intercepted": False,
            }
        )
    return b"".join(map(netstring, flows))


def _pairs(headers: list[dict[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(one["name"].encode(), one["value"].encode()) for one in headers]


WAYS = {
    "x.har": har(WRONG),
    "x.HAR": b"\xef\xbb\xbf\n " + har(WRONG),
    "x.har.gz": gzip.compress(har(WRONG)),
    "x.Har.GZ": gzip.compress(har(WRONG)),
    "x": har(WRONG),
    "x.txt": json.dumps(json.loads(har(WRONG)), indent=4).encode(),
    "flows": dump(WRONG),
    "flows.mitm.gz": gzip.compress(dump(WRONG)),
}


RESULT = result_json(check(ModelSubject(), examples=1), readings={})


def found(printed: str) -> list[dict[str, object]]:
    """What was printed, line by line, but for how long it took."""
    lines: list[dict[str, object]] = [json.loads(line) for line in printed.splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


@pytest.mark.parametrize("name", WAYS)
def test_what_a_file_holds_is_told_by_its_content(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(WAYS[name])
    by_name, by_content = scopelaw("judge", path), scopelaw("judge", "-", given=WAYS[name])
    assert by_name.exit_code == by_content.exit_code == 1
    assert [json.loads(line).get("clause") for line in by_name.stdout.splitlines() if "ACC" in line] == ["ACC-1"]
    assert found(by_name.stdout) == found(by_content.stdout)


def test_a_packed_transcript_is_a_transcript(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"transcript": 1, "revision": "2026-07-28"}\n{"end": true, "events": 0}\n'))
    assert scopelaw("judge", path).exit_code == 0


def test_several_files_are_several_recordings_or_one(tmp_path: Path) -> None:
    # A browser saw the logins, and a proxy all else.
    recording = timed(WRONG)
    paths = [tmp_path / "browser.har", tmp_path / "proxy.har"]
    seen = [
        [one for one in recording if ("response_type" in one["request"]["url"]) is browser] for browser in (True, False)
    ]
    for path, part in zip(paths, seen, strict=True):
        path.write_bytes(har(part))
    apart, together = scopelaw("judge", *paths), scopelaw("judge", "--together", *paths)
    assert "ACC-1" not in apart.stdout
    assert "ACC-1" in together.stdout
    (tmp_path / "lines.jsonl").write_text('{"transcript": 1}\n', "utf-8")
    said = scopelaw("judge", "--together", *paths, tmp_path / "lines.jsonl").stderr
    assert f": {tmp_path / 'lines.jsonl'} is neither a HAR file nor a dump" in said


def test_what_was_judged_is_written(tmp_path: Path) -> None:
    path, kept = tmp_path / "x.har", tmp_path / "kept.jsonl"
    path.write_bytes(har(WRONG))
    first = scopelaw("judge", path, "--write", kept)
    assert found(scopelaw("judge", kept).stdout) == found(first.stdout)
    assert scopelaw("redact", path).stdout == kept.read_text("utf-8")
    assert "cannot write" in scopelaw("judge", path, "--write", tmp_path / "no" / "x").stderr


def test_what_is_judged_is_never_written_over(tmp_path: Path) -> None:
    path, link = tmp_path / "x.har", tmp_path / "link"
    path.write_bytes(har(WRONG))
    link.symlink_to(path)
    result = scopelaw("judge", path, "--write", link)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"scopelaw: {link} is what is to be judged, and --write would replace it\n"
    assert path.read_bytes() == har(WRONG)


@pytest.mark.parametrize("words", ["judge", "judge --format text", "redact", "redact --as har"])
def test_a_full_disk_is_no_fault_of_what_is_read(words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.har"
    path.write_bytes(har(WRONG))
    command = f"{Path(sys.executable).with_name('scopelaw')} {words} {path} > /dev/full"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "scopelaw: cannot write to standard output: No space left on device"
    assert "cannot read" not in done.stderr


def test_each_client_of_a_recording_is_written_by_itself(tmp_path: Path) -> None:
    path, kept = tmp_path / "x.har", tmp_path / "kept.jsonl"
    other = json.loads(json.dumps(WRONG).replace("very-secret", "most-secret").replace("mine", "theirs"))
    path.write_bytes(har([*WRONG, *other]))
    result = scopelaw("judge", path, "--write", kept)
    assert {json.loads(line).get("client") for line in result.stdout.splitlines()[:-1]} == {"mine 1.0", "theirs 1.0"}
    assert '"theirs"' in (tmp_path / "kept-2.jsonl").read_text("utf-8")
    assert "choose one with --client: 1 mine 1.0, 2 theirs 1.0" in scopelaw("redact", path).stderr
    assert scopelaw("redact", path, "--client", "2").stdout == (tmp_path / "kept-2.jsonl").read_text("utf-8")
    assert "there is no client 3" in scopelaw("redact", path, "--client", "3").stderr
    assert "mine 1.0" in scopelaw("judge", "--format", "text", path).stdout


def test_redact_writes_what_may_be_shown_and_says_what_it_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x.har"
    path.write_bytes(har(WRONG))
    for form in ("transcript", "har"):
        result = scopelaw("redact", path, "--as", form)
        assert result.exit_code == 0
        assert "very-secret" not in result.stdout
        assert result.stderr.startswith(f"scopelaw: {path}: replaced 3 access tokens")


def test_check_writes_the_transcript_of_each_finding(tmp_path: Path) -> None:
    result = scopelaw("check", "rust-sdk-before-888", "--examples", "30", "--write", tmp_path / "found")
    assert result.exit_code == 1
    written = sorted((tmp_path / "found").iterdir())
    assert written
    for path in written:
        assert path.name.partition(".")[0].rsplit("-", 1)[0].split("-")[0] in scopelaw("judge", path).stdout
    (tmp_path / "file").touch()
    assert "cannot write into" in scopelaw("check", "--write", tmp_path / "file" / "x").stderr


def test_what_could_not_be_read_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "x.har"
    path.write_bytes(har(SHOWS_IT["the bodies of documents"](WRONG)))
    result = scopelaw("judge", path)
    said = [line for line in result.stderr.splitlines() if "metadata was not kept" in line]
    assert len(said) == 2
    assert said[0].startswith(f"scopelaw: {path}: entry ")


@pytest.mark.parametrize(
    ("data", "instead"),
    [
        (b"from my_client import MyAuth\n", "scopelaw check package.module:name puts a client of your own under test"),
        (b"<!DOCTYPE html>\n", "scopelaw check package.module:name"),
        (json.dumps(RESULT).encode(), "scopelaw report makes a page of what check printed"),
        (gzip.compress(b"\xef\xbb\xbf\n" + json.dumps(RESULT, indent=4).encode()), "scopelaw report makes a page"),
    ],
)
@pytest.mark.parametrize("command", ["judge", "redact"])
def test_what_was_never_a_recording_is_told_what_one_is_and_where_it_belongs(
    command: str, data: bytes, instead: str
) -> None:
    result = scopelaw(command, "-", given=data)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"no recording, which is JSON lines, HAR or a dump of mitmproxy; {instead}" in result.stderr
    assert len(result.stderr.splitlines()) == 1


# --- bounds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x1f\x8bbroken", "packed with gzip, and broken"),
        (gzip.compress(har(WRONG))[:-9], "packed with gzip, and broken"),
        (dump(WRONG)[:-1], "not a dump of mitmproxy, or one that was cut short"),
        (b"3:abc?", "no call of a protected resource"),
        (b"99999:" + b"[" * 9, "not a dump of mitmproxy, or one that was cut short"),
        (b"3:0:~}", "not a dump of mitmproxy, or one that was cut short"),
        (har(WRONG)[:-1], "not a HAR file: not JSON"),
        (har(WRONG) + b"x", "not a HAR file: not JSON"),
        (b'{"log": []}', "not a HAR file: log.entries, a list, is missing"),
        (b'{"log": {"entries": [1,]}}', "not a HAR file: not JSON"),
        (b'{"log": {1: 2}}', "not a HAR file: not JSON"),
        (b'{"log": {"entries" [1]}}', "not a HAR file: not JSON"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(data: bytes, says: str) -> None:
    result = scopelaw("judge", "-", given=data)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"scopelaw: standard input: {says}")
    assert len(result.stderr.splitlines()) == 1


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(sorted(WAYS)), st.integers(0, 400), st.binary(max_size=3), st.booleans())
def test_any_bytes_are_read_or_refused(name: str, at: int, put: bytes, cut: bool) -> None:  # noqa: FBT001
    data = WAYS[name]
    at = at * len(data) // 400
    changed = data[:at] + put + (b"" if cut else data[at + len(put) :])
    result = scopelaw("judge", "-", given=changed)
    assert result.exit_code in (0, 1, 2)
    assert not isinstance(result.exception, Exception)


def test_a_scope_without_end_is_a_sentence(tmp_path: Path) -> None:
    long = "x" * (reading.LONGEST_LINE + 1)
    path = tmp_path / "x.har"
    path.write_bytes(har(json.loads(json.dumps(WRONG).replace("scope=b", f"scope=b+{long[:70_000]}"))))
    assert "too long to judge" in scopelaw("judge", path).stderr
    lines = (
        b'{"transcript": 1, "revision": "2026-07-28"}\n{"event": "authorization_request", "scope": "' + long.encode()
    )
    result = scopelaw("judge", "-", given=lines)
    assert result.stderr == "scopelaw: standard input: line 2: longer than 1 MiB, too long to judge\n"
    assert result.exit_code == 2


def test_a_file_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST", 1 << 20)
    bomb = gzip.compress(b'{"log":' + b" " * (2 << 20))
    with pytest.raises(UnusableTranscript, match="holds more than 1 MiB"):
        reading.exchanges([(io.BytesIO(bomb), "x.har")])


def test_a_long_transcript_takes_no_more_room_than_a_short_one() -> None:
    def lines(times: int) -> Iterator[bytes]:
        events: list[Event] = [ResourceRequest("read", "t1"), ResourceResponse("read", 200)] * times
        return (line.encode() for line in write(Transcript(Header("2026-07-28"), events)))

    def peak(data: bytes) -> int:
        file = io.BytesIO(data)
        tracemalloc.start()
        try:
            for recorded in reading.read([(file, "x.jsonl")]):
                for _ in recorded.events:
                    pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    short, long = (b"".join(lines(times)) for times in (200, 20_000))
    assert peak(long) < 2 * peak(short)


def test_a_broken_pipe_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "x.har"
    path.write_bytes(har(WRONG * 200))
    command = f"{Path(sys.executable).with_name('scopelaw')} redact {path} | head -c 10"
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
    assert b"Traceback" not in done.stderr
