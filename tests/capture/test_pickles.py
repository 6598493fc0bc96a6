"""Annotations are pickles from strangers: nothing in them may run."""

from __future__ import annotations

import io
import os
import pickle
import resource
import shlex
import subprocess
import sys
import zipfile
from collections import Counter, OrderedDict, defaultdict
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import pytest

from dymap.capture import open_capture
from dymap.capture.pickles import load_annotations
from dymap.errors import InputError
from tests.capture.limits import in_a_child
from tests.captures import write_capture
from tests.golden.sources import Golden


def write(path: Path, value: Any, protocol: int = 3) -> Path:
    """An .npy file as np.save writes it, at any pickle protocol, and of any object."""
    data = io.BytesIO()
    np.lib.format.write_array_header_1_0(data, {"shape": (), "fortran_order": False, "descr": "|O"})
    array = np.empty((), dtype=object)
    array[()] = value
    path.write_bytes(data.getvalue() + pickle.dumps(array, protocol=protocol))
    return path


class Evil:
    """Would run a command when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any):
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_plain_annotations_are_read(tmp_path: Path, protocol: int) -> None:
    value = {
        "cams": {"K": [np.eye(3), np.float32(2.5) * np.ones((3, 3))], "n": np.int64(3), "x": np.float64(0.1)},
        "ims": [{"ims": ["images/00/000000.jpg"]}, ("a", 1, None, True, 2.5)],
    }
    read = load_annotations(write(tmp_path / "annots.npy", value, protocol))
    np.testing.assert_array_equal(read["cams"]["K"][1], value["cams"]["K"][1])
    assert read["cams"]["n"] == 3
    assert read["cams"]["x"] == 0.1
    assert read["ims"] == value["ims"]


def test_what_numpy_saves_is_read(tmp_path: Path) -> None:
    np.save(tmp_path / "annots.npy", {"a": np.arange(3.0)}, allow_pickle=True)
    np.testing.assert_array_equal(load_annotations(tmp_path / "annots.npy")["a"], [0, 1, 2])


@pytest.mark.parametrize("function", [os.system, os.mkdir, os.open, eval, exec, open])
def test_nothing_is_executed(tmp_path: Path, function: Any) -> None:
    victim = tmp_path / "victim"
    arguments = {
        os.system: (f"touch {victim}",),
        os.mkdir: (str(victim),),
        os.open: (str(victim), os.O_CREAT),
        open: (str(victim), "w"),
    }.get(function, (f"__import__('os').mkdir({str(victim)!r})",))
    path = write(tmp_path / "annots.npy", {"cams": Evil(function, *arguments), "ims": []})
    with pytest.raises(InputError, match=r"annots\.npy: refused or broken \(it asks for .*which no capture needs"):
        load_annotations(path)
    with pytest.raises(InputError, match="refused"):
        open_capture(tmp_path)
    assert not victim.exists()


@pytest.mark.parametrize(
    "value",
    [Counter(a=1), Fraction(1, 2), np.ma.masked_array([1.0]), np.random.default_rng(0), Evil(getattr, dict, "clear")],
)
def test_only_arrays_and_plain_containers(tmp_path: Path, value: Any) -> None:
    with pytest.raises(InputError, match="which no capture needs"):
        load_annotations(write(tmp_path / "annots.npy", {"cams": value}))


def test_the_allowed_names_cannot_be_abused(tmp_path: Path) -> None:
    """_codecs.encode with another codec, arrays of another class."""
    import _codecs

    for value in (Evil(_codecs.encode, "text", "rot13"), Evil(np._core.multiarray._reconstruct, dict, (0,), b"b")):
        with pytest.raises(InputError, match="refused or broken"):
            load_annotations(write(tmp_path / "annots.npy", {"cams": value}))


@pytest.mark.parametrize("length", [0, 6, 40, 90, 200])
def test_truncated_files(tmp_path: Path, length: int) -> None:
    path = write(tmp_path / "annots.npy", {"cams": [np.eye(3)] * 5})
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match=r"annots\.npy: refused or broken"):
        load_annotations(path)


def test_a_plain_array_is_no_annotation(tmp_path: Path) -> None:
    np.save(tmp_path / "annots.npy", np.eye(3))
    with pytest.raises(InputError, match="holds a plain array of float64"):
        load_annotations(tmp_path / "annots.npy")


def test_missing_and_oversized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"annots\.npy: missing"):
        load_annotations(tmp_path / "annots.npy")
    path = write(tmp_path / "annots.npy", {"cams": 1})
    monkeypatch.setattr("dymap.capture.pickles.MAX_BYTES", 10)
    with pytest.raises(InputError, match="more than camera annotations need"):
        load_annotations(path)


def array_call(dtype: Any, shape: Any, data: Any) -> bytes:
    """The instructions of an array as numpy pickles it, with any dtype (as instructions), shape and bytes."""
    empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR"
    plain = [pickle.dumps(part, protocol=3)[2:-1] for part in (1, shape, False, data)]
    return empty + b"(" + plain[0] + plain[1] + dtype + plain[2] + plain[3] + b"tb"


def dtype_call(kind: str, state: Any = None) -> bytes:
    call = b"cnumpy\ndtype\n" + pickle.dumps((kind, False, True), protocol=3)[2:-1] + b"R"
    return call if state is None else call + pickle.dumps(state, protocol=3)[2:-1] + b"b"


NDARRAY = b"cnumpy\nndarray\n"
PLAIN = dtype_call("f8")
ATTACKS = {
    "ndarray over bytes of the file": NDARRAY
    + b"(K\x03K\x03\x86"
    + dtype_call("O8")
    + b"C\x48"
    + b"ABCDEFGH" * 9
    + b"tR",
    "objects from bytes": array_call(dtype_call("O8"), (9,), b"ABCDEFGH" * 9),
    "void with a field of objects": array_call(
        b"cnumpy\ndtype\nX\x02\x00\x00\x00V8\x85R"
        + b"(K\x03X\x01\x00\x00\x00|NX\x01\x00\x00\x00f\x85}X\x01\x00\x00\x00f"
        + dtype_call("O8")
        + b"K\x00\x86sK\x08K\x01K\x00tb",
        (1,),
        b"ABCDEFGH",
    ),
    "a dtype whose state enlarges it": array_call(
        dtype_call("f8", (3, "<", None, None, None, 2**30, 1, 0)), (2,), b"12345678"
    ),
    "a number of objects": b"cnumpy.core.multiarray\nscalar\n" + dtype_call("O8") + b"C\x08ABCDEFGH\x86R",
    "a short buffer": array_call(PLAIN, (1000, 1000), b"12345678"),
    "a long buffer": array_call(PLAIN, (), b"1" * 16),
    "a dtype of no bytes": array_call(dtype_call("V0"), (40000, 40000), b""),
    "text of no bytes": array_call(dtype_call("U0"), (40000, 40000), b""),
    "a negative side": array_call(PLAIN, (-1, -1), b"12345678"),
    "sides whose product overflows": array_call(PLAIN, (2**32, 2**32, 2), b""),
    "a hundred sides": array_call(PLAIN, (1,) * 100, b"12345678"),
    "characters that there are not": array_call(dtype_call("U1"), (1,), b"\xff\xff\xff\xff"),
    "a state set twice": array_call(PLAIN, (1,), b"12345678") + b"(K\x01K\x01\x85" + PLAIN + b"\x89C\x08ABCDEFGHtb",
    "a strided view": NDARRAY + b"(K\x03K\x03\x86" + PLAIN + b"C\x0812345678K\x00K\x00K\x00\x86tR",
    "an array as a function": array_call(PLAIN, (1,), b"12345678") + b")R",
    "attributes of a name": b"cnumpy\ndtype\n}X\x01\x00\x00\x00aK\x01sb",
    "a name of deep tuples": b")" + b"\x85" * 10**6 + b"\x8c\x01x\x93",
    "a list of 2^26 lists": b"(" + b"]" * 2**26 + b"l",
    "one buffer two hundred times": b"B\x00\x00@\x00"
    + b"x" * 2**22
    + b"q\xfa0("
    + array_call(PLAIN, (2**19,), b"").replace(b"C\x00", b"h\xfa") * 200
    + b"l",
    "colliding keys": b"}("
    + b"".join(b"\x8a\x09" + (k * (2**61 - 1)).to_bytes(9, "little") + b"N" for k in range(2**6, 2**7))
    + b"u",
    "a persistent object": b"N" + b"Q",
    "an object made anew": NDARRAY + b")\x81",
    "paths without end": b"B\x00\x00@\x00".replace(b"B", b"X")
    + b"x" * 2**22
    + b"q\x000("
    + b"cpathlib\nPosixPath\n(h\x00h\x00tR" * 200
    + b"l",
    "paths of nothing without end": b"("
    + b"\x8c\x00q\x00"
    + b"h\x00" * 10**6
    + b"tq\x01("
    + (b"cpathlib\nPosixPath\nh\x01R" * 2000)
    + b"l",
    "one list of pairs copied a thousand times": b"]("
    + b"".join(b"J" + k.to_bytes(4, "little") + b"N\x86" for k in range(10**5))
    + b"eq\x00("
    + b"ccollections\nOrderedDict\nh\x00\x85R" * 1000
    + b"l",
    "pairs that are none": b"ccollections\nOrderedDict\n](K\x01e\x85R",
    "a type that is called": b"cbuiltins\nlist\n)R",
    "an instance": b"(inumpy\nndarray\n",
    "an extension": b"\x82\x01",
    "a memo of 2^31": b"Nr\xff\xff\xff\x7f" + b"\x81",
    "bytes of 2^62": b"\x8e" + (2**62).to_bytes(8, "little"),
}


def outcome_in_a_child(path: Path) -> str:
    """What reading brings about, in a process that may use 1.5 GB more than now and a minute."""
    said = in_a_child(path.with_name("said"), 3 * 2**29, resource.RLIMIT_AS, load_annotations, path)
    return "read" if said == "done" else said


def attacked(path: Path, instructions: bytes) -> Path:
    data = io.BytesIO()
    np.lib.format.write_array_header_1_0(data, {"shape": (), "fortran_order": False, "descr": "|O"})
    path.write_bytes(data.getvalue() + b"\x80\x04" + instructions + b"\x85.")
    return path


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="limits are set as Linux has them")
@pytest.mark.parametrize("name", ATTACKS)
def test_numpy_is_never_made_to_believe_a_file(tmp_path: Path, name: str) -> None:
    said = outcome_in_a_child(attacked(tmp_path / "annots.npy", ATTACKS[name]))
    assert "annots.npy: refused or broken (" in said
    assert len(said) < 500


def test_states_of_dtypes_say_nothing_but_the_byte_order(tmp_path: Path) -> None:
    dtype = dtype_call("f8", (3, ">", None, ("f",), {}, 2**20, 1, 63))
    path = attacked(tmp_path / "annots.npy", array_call(dtype, (2,), np.array([1.0, 2.0], ">f8").tobytes()))
    np.testing.assert_array_equal(load_annotations(path)[0], [1, 2])


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("old", [False, True])
def test_every_protocol_and_both_of_numpys_names(tmp_path: Path, protocol: int, old: bool) -> None:
    text = np.empty(2, object)
    text[:] = ["a", ["b", None]]
    value = {
        "f": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "t": np.arange(24, dtype=">i2").reshape(2, 3, 4).transpose(2, 0, 1),
        "o": text, "u": np.array(["ab", "c"]), "e": np.zeros((0, 3), np.float32), "s": np.str_("x"),
        "b": np.bool_(True), "y": b"", "n": (1, -(2**40), 2.5, True, None, "z", b"\xff"), 3: [np.float32(0.5)],
    }  # fmt: skip
    path = write(tmp_path / "annots.npy", value, protocol)
    if old:
        data = path.read_bytes()
        path.write_bytes(data.replace(b"cnumpy._core.", b"cnumpy.core."))
    read = load_annotations(path)
    assert list(read) == list(value)
    for key in "ftue":
        np.testing.assert_array_equal(read[key], value[key])
        assert read[key].dtype.newbyteorder("=") == value[key].dtype.newbyteorder("=")
    assert read["o"].tolist() == text.tolist()
    assert (read["s"], read["b"], read["y"], read["n"], read[3]) == ("x", True, b"", value["n"], [0.5])
    assert type(read["b"]) is np.bool_


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_dictionaries_matrices_and_paths_of_any_kind_become_plain(tmp_path: Path, protocol: int) -> None:
    lists: Any = defaultdict(list)
    lists["a"].append(1)
    value = OrderedDict(
        lists=lists, never=defaultdict(None, b=2), K=np.matrix("1 2; 3 4"), image=PurePosixPath("images/00/0.jpg"),
        windows=PureWindowsPath("images", "00", "0.jpg"), order=OrderedDict([("z", 1), ("y", OrderedDict())]),
    )  # fmt: skip
    read = load_annotations(write(tmp_path / "annots.npy", value, protocol))
    assert type(read) is dict
    assert list(read) == list(value)
    assert read["lists"] == {"a": [1]}
    assert type(read["lists"]) is dict
    assert read["never"] == {"b": 2}
    assert type(read["K"]) is np.ndarray
    np.testing.assert_array_equal(read["K"], [[1, 2], [3, 4]])
    assert read["image"] == "images/00/0.jpg"
    assert read["windows"].replace(chr(92), "/") == "images/00/0.jpg"
    assert list(read["order"].items()) == [("z", 1), ("y", {})]


def test_what_python_2_wrote(tmp_path: Path) -> None:
    """Dictionaries in order as lists of pairs, text and bytes of one kind, numpy by its old name."""
    pairs = b"ccollections\nOrderedDict\n((lp0\n(lp1\nS'a'\naI1\naa(lp2\nS'b'\na"
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\ntcnumpy\ndtype\n(S'f8'\n"
        b"I0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS" + repr(np.array([1.5, 2.5]).tobytes())[1:].encode() + b"\ntb"
    )
    data = io.BytesIO()
    np.lib.format.write_array_header_1_0(data, {"shape": (), "fortran_order": False, "descr": "|O"})
    path = tmp_path / "annots.npy"
    path.write_bytes(data.getvalue() + pairs + array + b"aatR.")
    read = load_annotations(path)
    assert read["a"] == 1
    np.testing.assert_array_equal(read["b"], [1.5, 2.5])


@pytest.mark.parametrize("packed", [False, True])
def test_an_archive_under_the_name(tmp_path: Path, packed: bool) -> None:
    value = {"cams": {"K": [np.eye(3)]}, "ims": [{"ims": ["a.jpg"]}]}
    for parts in (value, {"annots": value}):
        with (tmp_path / "annots.npy").open("wb") as file:
            (np.savez_compressed if packed else np.savez)(file, **{k: np.array(v, object) for k, v in parts.items()})
        read = load_annotations(tmp_path / "annots.npy")
        np.testing.assert_array_equal(read["cams"]["K"][0], np.eye(3))
        np.testing.assert_array_equal(read["ims"][0]["ims"], ["a.jpg"])


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_plain_pickle_under_the_name(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "annots.npy").write_bytes(pickle.dumps({"cams": {"K": [np.eye(3)]}}, protocol))
    np.testing.assert_array_equal(load_annotations(tmp_path / "annots.npy")["cams"]["K"][0], np.eye(3))


def test_archives_are_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "annots.npy"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("cams.npy", "w") as part:
        for _ in range(513):
            part.write(bytes(2**20))
    with pytest.raises(InputError, match=r"annots\.npy: refused or broken \(an archive that unpacks to more than"):
        load_annotations(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("cams.npy", b"")
    with pytest.raises(InputError, match="packed in an unexpected way"):
        load_annotations(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", b"")
    with pytest.raises(InputError, match="an archive of other files than arrays"):
        load_annotations(path)


def test_an_archive_has_one_budget_whatever_its_parts_and_holds_no_archives(tmp_path: Path) -> None:
    path = tmp_path / "annots.npy"
    copies = (
        b"B\x00\x00@\x00"
        + b"x" * 2**22
        + b"q\xfa0("
        + array_call(PLAIN, (2**19,), b"").replace(b"C\x00", b"h\xfa") * 40
    )
    part = attacked(tmp_path / "part.npy", copies + b"l").read_bytes()
    assert load_annotations(tmp_path / "part.npy")  # 160 MiB are allowed, five times as much is not
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5):
            archive.writestr(f"{number}.npy", part)
    with pytest.raises(InputError, match=r"annots\.npy: refused or broken \(it unpacks to more than"):
        load_annotations(path)
    inner = path.read_bytes()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cams.npy", inner)
    with pytest.raises(InputError, match=r"annots\.npy: refused or broken \("):
        load_annotations(path)


def test_what_is_not_known_is_refused_with_the_line_that_rewrites_the_file(tmp_path: Path) -> None:
    K = [np.eye(3)] * 2
    value = {"cams": dict.fromkeys("KDRT", K), "ims": [{"ims": [Path("a.jpg"), None]}], "other": Fraction(1, 2)}
    path = write(tmp_path / "annots.npy", value)
    with pytest.raises(InputError, match=r"it asks for fractions\.Fraction.*if you made it yourself") as refused:
        load_annotations(path)
    line = str(refused.value).split("python -c ")[1]
    subprocess.run([sys.executable, "-c", shlex.split(line)[0]], cwd=tmp_path, check=True)
    read = load_annotations(path)
    np.testing.assert_array_equal(read["cams"]["R"][1], np.eye(3))
    assert read["ims"] == [{"ims": ["a.jpg", None]}]


def test_one_object_at_two_places_stays_one(tmp_path: Path) -> None:
    K = np.eye(3)
    read = load_annotations(write(tmp_path / "annots.npy", [K, {"K": K}]))
    assert read[0] is read[1]["K"]


def test_shared_lists_are_not_unfolded(tmp_path: Path, trimmed: Golden) -> None:
    """A short file that describes 40000 x 40000 numbers, 3 million frames, or as many paths."""
    capture = write_capture(tmp_path / "tiny", trimmed.arrays("dataset"))
    held = load_annotations(capture / "annots.npy")
    row, paths = [1.0] * 40000, ["images/00/000000.jpg"] * 4000
    views = len(held["cams"]["K"])
    for broken, said in (
        ({"cams": held["cams"] | {"K": [[row] * 40000] * views}, "ims": held["ims"]}, "camera 0 lacks K"),
        ({"cams": held["cams"], "ims": [held["ims"][0]] * 3_000_000}, "more than anyone filmed"),
        ({"cams": {"K": [0] * 4000}, "ims": [{"ims": paths}] * 100_000}, "more than anyone filmed"),
        ({"cams": held["cams"], "ims": [{"ims": paths}] * 100_000}, "lists 4000 images"),
        ({"cams": held["cams"], "ims": [{"ims": [row] * views}]}, "expected paths of images"),
    ):
        write(capture / "annots.npy", broken)
        with pytest.raises(InputError, match=said):
            open_capture(capture)


def test_a_pipe_is_no_annotation(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "annots.npy")
    with pytest.raises(InputError, match=r"annots\.npy: no regular file"):
        load_annotations(tmp_path / "annots.npy")
