"""The documents name what there is: files, headings, commands and flags."""

import ast
import functools
import re
from pathlib import Path

import pytest

from config import SETTINGS
from windowbench.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = [*ROOT.glob("*.py"), *(ROOT / "windowbench").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]
OF_OTHERS = {
    "--driver-memory", "--jars", "--deploy-mode", "--master",  # spark-submit
    "--fast",  # an engine of yours
}  # fmt: skip


def text_of(document):
    return document.read_text(encoding="utf-8")


def headings(document):
    """Return the anchors of a document's headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.*)$", text_of(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@functools.cache
def known_flags():
    """Return every flag that a setting or a program has."""
    flags = {setting.flag for setting in SETTINGS.values()} | {"--help"} | OF_OTHERS
    for path in PROGRAMS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("--"):
                flags.add(node.value)
    return flags | {flag.replace("--", "--no-", 1) for flag in flags}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document):
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(document)):
        name, _, anchor = link.partition("#")
        target = document if not name else (document.parent / name)
        assert target.exists(), link
        assert not anchor or anchor in headings(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_of_the_project_that_is_named_exists(document):
    named = re.findall(r"`((?:windowbench|tests|docs|benchmarks|requirements|jars)/[\w./*<>-]+)", text_of(document))
    missing = [name for name in named if not list(ROOT.glob(re.sub(r"<\w+>|\bNAME\b", "*", name.rstrip("/"))))]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_and_flag_that_is_named_exists(document):
    text = text_of(document)
    assert set(re.findall(r"-m windowbench ([\w-]+)", text)) <= COMMANDS.keys()
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", text)) <= known_flags()


def test_the_readme_is_one_screen_and_leads_to_every_document():
    readme = text_of(ROOT / "README.md")
    assert len(readme.splitlines()) <= 80
    assert {path.name for path in DOCUMENTS} - {"README.md"} <= {
        Path(link).name for link in re.findall(r"\]\(([^)#\s]+)\)", readme)
    }
