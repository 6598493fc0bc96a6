"""A machine of our own for pickles, which executes nothing in them.

A pickle is a program for a small stack machine. Here it runs on another one, which knows the instructions that
plain containers and arrays need and calls nothing but the few functions of this file: what the pickle names is a word,
never a callable, and whatever it says of types, shapes and lengths is checked before numpy is asked to believe it.
"""

from __future__ import annotations

import io
import math
import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dymap.capture.pickle_instructions import instructions

MAX_BYTES = 256 * 2**20
MAX_OPCODES = 5_000_000
MAX_UNPACKED = 2 * MAX_BYTES
"""Bytes of all that is copied; a short file can name the same bytes, or the same list, a million times."""
ENTRY = 128
"""Bytes of an entry of a dictionary, about; and what the work on a part of a path is charged with."""


class Refused(Exception):
    """The pickle asks for something that no capture needs."""


class Strange(Refused):
    """It names something that may be harmless, but is not known."""


class Budget:
    """What a file may bring about, be it of one pickle or of many: instructions, and bytes that are copied."""

    def __init__(self) -> None:
        self.instructions = 0
        self.unpacked = 0

    def count(self) -> None:
        """One more instruction. Raises Refused if they are too many."""
        self.instructions += 1
        if self.instructions > MAX_OPCODES:
            raise Refused(f"it has more than {MAX_OPCODES} instructions")

    def spend(self, size: int) -> None:
        """So many bytes more. Raises Refused if they are too many."""
        self.unpacked += size
        if self.unpacked > MAX_UNPACKED:
            raise Refused(f"it unpacks to more than {MAX_UNPACKED} bytes")


class _Word:
    """What is on the stack for a name; only `Machine.call` knows what it means."""

    __slots__ = ("meaning",)

    def __init__(self, meaning: str):
        self.meaning = meaning


class _Dtype:
    """A dtype in the making: a plain kind, and a byte order that may follow."""

    __slots__ = ("kind", "order")
    PLAIN = re.compile(r"[<>|=]?(b1|\?|[iu][1248]|f[248]|c8|c16|[US][1-9]\d{0,4}|O8?)")

    def __init__(self, text: Any):
        if not isinstance(text, str) or not (match := self.PLAIN.fullmatch(text)):
            raise Refused(f"numbers of an unexpected kind ({repr(text[:40]) if isinstance(text, str) else type(text)})")
        self.kind = match[1]
        self.order = text[0] if text[0] in "<>|=" else "="

    def set_order(self, state: Any) -> None:
        """Whatever else a state says (fields, sizes, flags) is not believed."""
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise Refused("a kind of numbers with an unexpected state")
        self.order = state[1]

    def dtype(self) -> np.dtype:
        return np.dtype(object) if self.kind[0] == "O" else np.dtype(self.order + self.kind)


_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric")
_NAMES = {
    **{(module, name): _Word(name) for module in _MODULES for name in ("_reconstruct", "scalar", "_frombuffer")},
    **{(f"{module}.memmap", "memmap"): _Word("ndarray") for module in ("numpy.core", "numpy._core")},
    **{("numpy", name): _Word("ndarray") for name in ("ndarray", "matrix", "memmap")},
    ("numpy.matrixlib.defmatrix", "matrix"): _Word("ndarray"),
    ("numpy", "dtype"): _Word("dtype"),
    ("_codecs", "encode"): _Word("encode"),
    ("__builtin__", "bytes"): _Word("bytes"),
    ("builtins", "bytes"): _Word("bytes"),
    **{
        (module, name): _Word("type")
        for module in ("builtins", "__builtin__")
        for name in ("dict", "list", "int", "float", "str", "tuple")
    },
    ("collections", "OrderedDict"): _Word("OrderedDict"),
    ("collections", "defaultdict"): _Word("defaultdict"),
    **{
        (module, name): _Word("path")
        for module in ("pathlib", "pathlib._local")
        for name in ("PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath", "Path", "PurePath")
    },
}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
}
_NUMBERS = ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT")
_TEXTS = ("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")
_BYTES = ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8")
_LITERALS = frozenset(_NUMBERS + _TEXTS + _BYTES)
_MARK = object()


class Machine:
    """The stack machine. `run` gives the object that a pickle describes, and raises Refused, or whatever a broken one
    brings about.

    budget: that of the whole file, if it holds several pickles.
    """

    def __init__(self, budget: Budget | None = None) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.unfinished: dict[int, NDArray[Any]] = {}  # by id: arrays whose state is still to come
        self.budget = budget or Budget()

    def run(self, file: io.BytesIO) -> Any:
        """The object that the pickle in a file describes. Raises Refused, and whatever a broken one brings about."""
        for name, argument in instructions(file):
            self.budget.count()
            if name == "STOP":
                break
            self.step(name, argument)
        (value,) = self.stack
        if isinstance(value, _Word | _Dtype) or self.unfinished:
            raise Refused("it holds something unfinished")
        return value

    def step(self, name: str, argument: Any) -> None:
        """Follow one instruction. Raises as `run` does."""
        stack = self.stack
        if name in _LITERALS:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name]())
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = stack[-1]
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[int(argument)] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self.memo[int(argument)])
        elif name == "MARK":
            stack.append(_MARK)
        elif name in ("APPEND", "APPENDS"):
            items = self.popped() if name == "APPENDS" else [stack.pop()]
            _own(stack[-1], list).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = self.popped() if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
            _enter(_own(stack[-1], dict), items)
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            length = int(name[-1])
            if len(stack) < length or any(item is _MARK for item in stack[-length:]):
                raise Refused("a tuple of too few items")
            stack[-length:] = [tuple(stack[-length:])]
        elif name == "TUPLE":
            stack.append(tuple(self.popped()))
        elif name == "LIST":
            stack.append(self.popped())
        elif name == "DICT":
            stack.append(_enter({}, self.popped()))
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            wanted = tuple(argument.split(" ", 1)) if name == "GLOBAL" else (stack.pop(-2), stack.pop())
            stack.append(_word(wanted))
        elif name == "REDUCE":
            arguments = _own(stack.pop(), tuple)
            stack.append(self.call(_own(stack.pop(), _Word).meaning, arguments))
        elif name == "BUILD":
            state = stack.pop()
            self.build(stack[-1], state)
        elif name == "POP":
            stack.pop()
        elif name == "POP_MARK":
            self.popped()
        elif name == "DUP":
            stack.append(stack[-1])
        elif name not in ("PROTO", "FRAME"):
            raise Refused(f"it uses {name}, which no capture needs")

    def popped(self) -> list[Any]:
        """The items above the topmost mark, which go with it."""
        items = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def call(self, meaning: str, arguments: tuple[Any, ...]) -> Any:
        """What numpy's functions of these names would make of plain arguments."""
        if meaning == "_reconstruct":
            kind, shape, _ = arguments
            if not (isinstance(kind, _Word) and kind.meaning == "ndarray") or shape != (0,):
                raise Refused("an array of an unexpected kind")
            array = np.ndarray((0,), np.int8)
            self.unfinished[id(array)] = array
            return array
        if meaning == "dtype":
            return _Dtype(arguments[0])
        if meaning == "scalar":
            kind, data = arguments
            return self.array(kind, (), data).reshape(1)[0]
        if meaning == "_frombuffer":
            data, kind, shape, order, *axes = arguments
            if order not in ("C", "F", "K") or len(axes) > 1:
                raise Refused("an array of an unexpected order")
            array = self.array(kind, shape, data, "F" if order == "F" else "C")
            return array.transpose(_shape(axes[0])) if order == "K" and axes and axes[0] is not None else array
        if meaning == "encode":
            text, encoding = arguments
            if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
                raise Refused("unexpected encoded text")
            self.budget.spend(len(text))
            return text.encode("latin1")
        if meaning == "bytes" and arguments == ():
            return b""
        if meaning == "defaultdict" and len(arguments) <= 1:  # what it makes of missing keys is nobody's concern here
            return {}
        if meaning == "OrderedDict" and len(arguments) <= 1:
            pairs = _own([*arguments, []][0], list)
            self.budget.spend(ENTRY * len(pairs))
            return _enter({}, [part for pair in pairs for part in _pair(pair)])
        if meaning == "path":
            self.budget.spend(ENTRY * len(arguments))  # before they are looked at: they may be a million of nothing
            self.budget.spend(sum(len(_own(part, str)) for part in arguments))
            return "/".join(arguments)
        raise Refused(f"it calls {meaning}, which no capture needs")

    def build(self, target: Any, state: Any) -> None:
        """Give a dtype its byte order, or an empty array its content, in place: others may refer to it already."""
        if isinstance(target, _Dtype):
            target.set_order(state)
        elif self.unfinished.pop(id(target), None) is target and target is not None:
            *_, shape, kind, fortran, data = _own(state, tuple)
            order = "F" if fortran else "C"
            if _own(kind, _Dtype).kind[0] != "O":
                array = self.array(kind, shape, data, order)
                content: Any = array.tobytes("F" if fortran else "C")
            else:
                array = np.empty(0, object)
                if math.prod(_shape(shape)) != len(_own(data, list)):
                    raise Refused(f"{len(data)} objects for an array of shape {shape}")
                self.budget.spend(8 * len(data))
                content = data
            whole: Any = (1, _shape(shape), array.dtype, bool(fortran), content)
            target.__setstate__(whole)
        else:
            raise Refused(f"it sets the state of a {type(target).__name__}, which no capture needs")

    def array(self, kind: Any, shape: Any, data: Any, order: Any = "C") -> NDArray[Any]:
        """An array of plain numbers or text from bytes of exactly the right length."""
        dtype = _own(kind, _Dtype).dtype()
        if isinstance(data, str):  # of Python 2
            data = data.encode("latin1")
        if dtype.hasobject or not isinstance(data, bytes | bytearray):
            raise Refused("an array of an unexpected kind")
        if math.prod(_shape(shape)) * dtype.itemsize != len(data):
            raise Refused(f"{len(data)} bytes for an array of shape {shape} and type {dtype}")
        self.budget.spend(len(data))
        if dtype.kind == "U" and (np.frombuffer(data, dtype.str[0] + "u4") > sys.maxunicode).any():
            raise Refused("text of characters that there are not")
        return np.frombuffer(data, dtype).reshape(shape, order=order).copy(order)


def _own(value: Any, kind: type) -> Any:
    """The value, if it is exactly of this kind."""
    if type(value) is not kind:
        raise Refused(f"a {type(value).__name__} where a {kind.__name__.strip('_').lower()} belongs")
    return value


def _pair(pair: Any) -> list[Any]:
    """Key and value, as Python 2 has them in a list."""
    if type(pair) not in (list, tuple) or len(pair) != 2:
        raise Refused("a dictionary of something else than pairs")
    return list(pair)


def _word(wanted: tuple[Any, ...]) -> _Word:
    if not all(isinstance(part, str) for part in wanted):  # looking up a deep tuple would overflow the stack
        raise Refused("a name that is no text")
    if word := _NAMES.get(wanted):
        return word
    raise Strange(f"it asks for {'.'.join(map(str, wanted))[:80]}, which no capture needs")


def _enter(target: dict[Any, Any], items: list[Any]) -> dict[Any, Any]:
    """Keys are text or small numbers, whose hashes a file cannot choose so that they all collide."""
    for key, value in zip(items[::2], items[1::2], strict=True):
        if not (isinstance(key, str) or (type(key) is int and abs(key) < 2**31)):
            raise Refused(f"a key of an unexpected kind ({type(key).__name__})")
        target[key] = value
    return target


def _shape(shape: Any) -> tuple[int, ...]:
    """A shape of at most 8 sides, each of a size that an array in a file can have."""
    if type(shape) is not tuple or len(shape) > 8 or not all(type(n) is int and 0 <= n <= MAX_BYTES for n in shape):
        raise Refused("an array of an unexpected shape")
    return shape
