"""The small edits of a module: each changes one node of its syntax tree."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit: where it is, what it does, the text before and after, and which of those that read alike."""

    module: str
    function: str
    operator: str
    before: str
    after: str
    nth: int = 1

    def __str__(self) -> str:
        again = f"  ({self.nth})" if self.nth > 1 else ""
        return f"{self.module}.{self.function}, {self.operator}: {self.before}  ->  {self.after}{again}"


@dataclass(frozen=True, slots=True)
class _Place:
    """A node, and where it stands: in a member of another, or in a list that is one."""

    function: str
    holder: ast.AST
    member: str
    at: int | None
    node: ast.AST


def edits(module: str, source: str) -> Iterator[tuple[Edit, ast.Module]]:
    """Each edit of a module in the order of its text, and the tree that has it until the next is asked for."""
    tree = ast.parse(source)
    seen: Counter[Edit] = Counter()
    for place in _places(tree, ""):
        holder, node = place.holder, place.node
        whole = getattr(holder, place.member)
        shown = node if isinstance(node, ast.expr | ast.stmt | ast.pattern) else holder
        before = ast.unparse(shown)
        for operator, other in _others(node, place.member):
            changed = other if place.at is None else [*whole[: place.at], other, *whole[place.at + 1 :]]
            setattr(holder, place.member, changed)
            after = ast.unparse(other if shown is node else shown)
            edit = Edit(module, place.function, operator, *_apart(before, after))
            seen[edit] += 1
            yield replace(edit, nth=seen[edit]), tree
        setattr(holder, place.member, whole)


def _places(holder: ast.AST, function: str) -> Iterator[_Place]:
    for member, value in ast.iter_fields(holder):
        for at, node in enumerate(value) if isinstance(value, list) else ((None, value),):
            if not isinstance(node, ast.AST) or _means_nothing(node, holder, member):
                continue
            if isinstance(holder, ast.Module):
                yield from _places(node, _name(node))
            else:
                yield _Place(function, holder, member, at, node)
                inner = isinstance(node, ast.FunctionDef | ast.ClassDef)
                yield from _places(node, f"{function}.{_name(node)}" if inner else function)


def _name(node: ast.AST) -> str:
    match node:
        case ast.FunctionDef(name) | ast.ClassDef(name):
            return name
        case ast.AnnAssign(ast.Name(name)) | ast.Assign([ast.Name(name)]):
            return name
        case _:
            return "import"


def _means_nothing(node: ast.AST, holder: ast.AST, member: str) -> bool:
    """Whether a node is prose, a type, what makes a class one, or never reached: no test could see a change."""
    match node:
        case ast.Expr(ast.Constant() | ast.Call(ast.Name("assert_never"))) | ast.JoinedStr():
            return True
        case ast.Assign(value=ast.BinOp() | ast.Subscript() | ast.Call(ast.Name("TypeVar" | "NewType"))):
            return isinstance(holder, ast.Module)  # a type by another name
        case ast.Call(ast.Name("cast")):
            return True
        case _:
            return member in {"annotation", "returns", "decorator_list", "bases", "ctx", "func"}


# --- the operators --------------------------------------------------------------------------------

_OPERATORS: Final[Mapping[type[ast.AST], tuple[type[ast.AST], ...]]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitAnd: (ast.BitOr,),
    ast.Sub: (ast.BitOr,),
    ast.Add: (ast.Sub,),
}
_SETS: Final = ("requested", "granted", "in_hand")
"""What an account holds, and must never confuse."""


def _others(node: ast.AST, member: str) -> Iterator[tuple[str, ast.AST]]:
    """What may stand in a node's place, and the name of the operator that puts it there."""
    if member in {"test", "guard", "ifs"}:
        yield from (("condition", ast.Constant(value)) for value in (True, False))
    yield from (("operator", other()) for other in _OPERATORS.get(type(node), ()))
    match node:
        case ast.Call():
            yield from _other_calls(node)
        case ast.Constant() if not _is_prose(node):
            yield from (("constant", ast.Constant(other)) for other in _other_constants(node.value))
        case ast.BoolOp(op, values):
            rests = (rest if len(rest) > 1 else rest[0] for rest in _shorter(values))
            yield from (("operand", ast.BoolOp(op, rest) if isinstance(rest, list) else rest) for rest in rests)
        case ast.BinOp(left, _, right):
            yield from (("operand", left), ("operand", right))
        case ast.UnaryOp(ast.Not(), operand):
            yield "not", operand
        case ast.IfExp(_, body, orelse):
            yield from (("branch", body), ("branch", orelse))
        case ast.Attribute(value, name) if name in _SETS:
            yield from (("attribute", ast.Attribute(value, other, ast.Load())) for other in _SETS if other != name)
        case ast.Dict(keys, values):
            items = _shorter(list(zip(keys, values, strict=True)))
            yield from (("element", ast.Dict([k for k, _ in rest], [v for _, v in rest])) for rest in items)
        case ast.Tuple(elements, ast.Load()) | ast.List(elements, ast.Load()):
            yield from (("element", type(node)(rest, ast.Load())) for rest in _shorter(elements))
        case ast.Return(value) if value is not None and not _is_false(value):
            yield "return", ast.Return(ast.Constant(value=None))
        case ast.Expr() | ast.Assign() | ast.AugAssign() | ast.Continue() | ast.Break():
            yield "statement", ast.Pass()


def _other_calls(call: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    func, args, keywords = call.func, call.args, call.keywords
    constructs = isinstance(func, ast.Name) and func.id[0].isupper()
    droppable = _shorter(args)[-1:] if constructs else _shorter(args)  # of fields, only the last can have a default
    yield from (("argument", ast.Call(func, rest, keywords)) for rest in droppable if rest)
    yield from (("argument", ast.Call(func, args, rest)) for rest in _shorter(keywords))
    if args and not constructs and not isinstance(args[0], ast.Starred):
        yield "call", args[0]


def _other_constants(value: object) -> Iterator[bool | int | str]:
    match value:
        case bool():
            yield not value
        case int():
            yield from (value + 1, value - 1)
        case str():
            yield "" if value else "x"


def _is_false(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and (value.value is None or value.value is False)


def _is_prose(constant: ast.Constant) -> bool:
    """Whether a text is a sentence for people."""
    words = constant.value.split() if isinstance(constant.value, str) else []
    return sum(word.strip(".,;").isalpha() for word in words) > 1


def _shorter(items: list[T]) -> list[list[T]]:
    """A list without each of its items in turn."""
    return [[*items[:at], *items[at + 1 :]] for at in range(len(items))]


def _apart(before: str, after: str, around: int = 40) -> tuple[str, str]:
    """Two texts without what they share, but for a little around where they part."""
    start = max(0, _shared(before, after) - around)
    end = max(0, _shared(before[::-1], after[::-1]) - around)
    return _line(before[start : len(before) - end]), _line(after[start : len(after) - end])


def _shared(left: str, right: str) -> int:
    pairs = enumerate(zip(left, right, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(left), len(right)))


def _line(text: str) -> str:
    return " ".join(text.split())
