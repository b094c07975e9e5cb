"""What holds for the whole of the product's code, so that a reader can rely on it."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import obdtrack

PRODUCT = Path(obdtrack.__file__).parent
WEB = PRODUCT / "web"
TREES = {path: ast.parse(path.read_text()) for path in PRODUCT.rglob("*.py")}


def test_a_class_name_means_one_thing() -> None:
    names = Counter(
        node.name
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name != "Meta"  # a table's or schema's options
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_web_code_is_handed_the_services_in_one_place_and_finds_nothing_else_there() -> None:
    found = [
        path.relative_to(PRODUCT).as_posix()
        for path, tree in TREES.items()
        if "simulator" not in path.parts  # an application of its own, which knows none of ours
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "extensions"
    ]
    assert sorted(found) == ["application.py", "web/http/auth.py"]


CHANGING = {
    "BoundedSemaphore", "Bulkhead", "Condition", "Counter", "Lock", "OrderedDict", "RLock",
    "Semaphore", "TokenBucket", "WeakKeyDictionary", "defaultdict", "deque", "dict", "list",
    "local", "set",
}  # fmt: skip


def is_made_to_change(value: ast.expr | None) -> bool:
    """Whether a value is an empty list or dictionary to be filled, or something that counts."""
    if isinstance(value, ast.Call):
        return ast.unparse(value.func).rpartition(".")[2] in CHANGING
    return isinstance(value, ast.Dict | ast.List) and ast.unparse(value) in ("{}", "[]")


def test_no_module_keeps_what_changes() -> None:
    found = [
        f"{path.relative_to(PRODUCT)}:{node.lineno}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Global)
        or (node in tree.body and is_made_to_change(getattr(node, "value", None)))
    ]
    assert found == []


def test_every_module_says_its_one_job_in_its_first_line() -> None:
    without = [path for path, tree in TREES.items() if not (ast.get_docstring(tree) or "").strip()]
    assert without == []


def test_docstrings_say_what_is_returned() -> None:
    told = [
        f"{path.relative_to(PRODUCT)}: {node.name}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and (ast.get_docstring(node) or "").startswith(("Give ", "Tell whether "))
    ]
    assert told == ["calls/provider_ids.py: assign_provider_id"]  # which gives the call its id


def test_templates_style_and_script_have_lines_that_a_diff_can_show() -> None:
    files = [path for folder in ("templates", "static") for path in (WEB / folder).iterdir()]
    assert len(files) > 15
    long = [
        f"{path.name}:{number}"
        for path in files
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if len(line) > 120
    ]
    assert long == []


def test_no_private_function_is_called_once_for_less_than_five_lines() -> None:
    """Such a helper is a step of its only caller; what a table or a framework names is none."""
    named_by_a_framework = {"_deserialize", "_handle_invalid_json_error", "_serialize"}
    found = []
    for path, tree in TREES.items():
        nodes = list(ast.walk(tree))
        called = [
            ast.unparse(node.func).rpartition(".")[2]
            for node in nodes
            if isinstance(node, ast.Call)
        ]
        used = Counter(
            node.id if isinstance(node, ast.Name) else node.attr
            for node in nodes
            if isinstance(node, ast.Name | ast.Attribute)
        )
        found += [
            f"{path.relative_to(PRODUCT)}:{node.lineno} {node.name}"
            for node in nodes
            if isinstance(node, ast.FunctionDef)
            and re.match("_[a-z]", node.name)
            and node.name not in named_by_a_framework
            and not node.decorator_list
            and (node.end_lineno or 0) - node.lineno < 4
            and used[node.name] == 1 == called.count(node.name)
        ]
    assert found == []


def test_the_client_and_the_product_do_not_know_each_other() -> None:
    client = PRODUCT.parent / "clients/python/obdtrack_client"
    trees = {path: ast.parse(path.read_text()) for path in client.glob("*.py")}
    assert len(trees) > 5
    for other, theirs in (("obdtrack", trees), ("obdtrack_client", TREES)):
        for path, tree in theirs.items():
            for node in ast.walk(tree):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom):
                    names = [node.module or ""]
                assert other not in {name.partition(".")[0] for name in names}, path
