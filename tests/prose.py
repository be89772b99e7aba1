"""Find prose in stabcert that breaks a rule of its language and that a program can recognise.

Rules, by the names that findings carry:

``verb``: the docstring of a function or method begins with a verb in the imperative ("Return", "Yield", "Check"). A
program cannot tell every noun from every verb, so the first word must be in `VERBS`. A new verb is added there,
once. Properties are read as fields and are under ``noun``. Functions inside functions, tests and dunder methods are
held to the same rule.

``noun``: the docstring of a class, a field, a property or a module does not begin with a question word or with a
preposition (`NOT_FIRST`).

``negation``, ``vocabulary``, ``because``: docstrings, comments, and all other strings of two words and more contain
none of the phrases of `PHRASES`. Each phrase comes with what to write instead.

``NOT_PROSE``: strings that are exempt from all rules, each with its reason.

``long``: a sentence in a string of the code, in README.md or in the tutorial has 25 words at most. Docstrings and
comments are exempt. Code counts as one word. Blocks of code, tables and headings are not prose.
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "sample_inputs/TUTORIAL.md")
LONGEST = 25

_VERBS = """
Accept Access Accumulate Add Adjust Advance Aggregate Align Allocate Allow Answer Append Apply Approximate Arrange
Ask Assemble Assert Assign Attach Attribute Average Begin Bind Block Bound Break Bring Broadcast Build Cache
Calculate Call Cancel Carry Cast Certify Change Check Choose Classify Clean Clear Clip Close Collapse Collect Colour
Combine Compare Compile Complete Compose Compress Compute Concatenate Configure Confirm Connect Consume Contain
Continue Convert Copy Correct Count Cover Create Crop Cut Decide Declare Decode Decrease Deduce Define Delete
Deliver Derive Describe Detach Detect Determine Differentiate Disable Discard Display Divide Do Download Draw Drop
Dump Emit Empty Enable Encode End Ensure Enter Enumerate Escape Estimate Evaluate Exclude Execute Exit Expand Expect
Explain Export Express Extend Extract Fail Feed Fetch Fill Filter Find Finish Fit Fix Flatten Flip Flush Fold Follow
Force Forget Format Forward Free Freeze Generate Get Give Group Guarantee Guard Handle Hash Hide Identify Ignore
Import Include Increase Index Infer Inform Initialise Insert Inspect Install Integrate Interpolate Interpret
Intersect Invert Join Keep Label Leave Let Limit Link List Listen Load Locate Lock Log Look Lower Make Map Mark Mask
Match Measure Merge Minimise Mix Modify Move Multiply Name Normalise Note Notify Number Observe Omit Open Order
Outline Overwrite Pack Pad Paint Parse Partition Pass Patch Perform Permute Pick Place Plan Plot Predict Prefer
Prepare Prevent Print Probe Process Produce Project Prove Provide Pull Push Put Quantise Quantize Quote Raise Rank
Reach Read Rebuild Recompute Record Recover Redirect Reduce Refer Refine Refuse Register Reject Relate Release
Remember Remove Rename Render Repeat Replace Replay Report Represent Reproduce Require Rescale Reserve Reset Reshape
Resize Resolve Restore Restrict Resume Retry Return Reuse Reverse Round Run Sample Save Scale Scan Score Search See
Seed Select Send Separate Serialise Set Share Shift Shorten Show Shrink Shuffle Simulate Skip Smooth Snapshot Solve
Sort Specify Split Square Start State Stop Store Stream Strip Style Submit Subtract Suggest Sum Summarise Support
Suspend Swap Switch Take Tell Terminate Test Tighten Tokenize Trace Transform Translate Traverse Treat Trim Truncate
Try Turn Undo Unite Unpack Unroll Update Upload Use Validate Verify View Visit Wait Walk Warm Warn Weigh Widen Work
Wrap Write Yield Zero
"""
VERBS = frozenset(_VERBS.split())

_NOT_FIRST = "What Whether Of How Where Which Why When Who In For From By As At To So That If"
NOT_FIRST = frozenset(_NOT_FIRST.split())

NOT_PROSE = {"not asked for": "a value of records, which must stay as it is"}

# Rule, pattern and what to write instead.
PHRASES = tuple(
    (rule, re.compile(pattern, re.IGNORECASE), instead)
    for rule, pattern, instead in (
        ("negation", r"\b(is|are|was|were|be) no\b(?! (more|longer|larger|smaller|greater|less|fewer)\b)", "is not a"),
        ("negation", r"\b(is|are|was|were|be) (?-i:none)\b", "is not"),
        ("vocabulary", r"\bcan(not)? be asked for\b", "must be"),
        ("vocabulary", r"\basked for\b", "requested, named"),
        ("vocabulary", r"\b(stands?|stood|standing) (in|at|on|for|beside|before|after|under|there|above)\b", "is in"),
        ("vocabulary", r"\b(models?|networks?|records?|demo:\w+|\{\}|it|masks?|input)( \w+| \{\})? says?\b", "predict"),
        ("vocabulary", r"\b(by|of) (itself|themselves)\b", "individually"),
        ("vocabulary", r"\b(make|makes|made|making)( \w+)? again\b", "reproduce"),
        ("vocabulary", r"\bmodel itself\b", "the unsmoothed model"),
        ("vocabulary", r"\ball( radii)? together\b", "jointly"),
        ("vocabulary", r"\b(tried|tries|try|trying) (every|all|each|whole|out)\b", "test"),
        ("vocabulary", r"\b(is|are|were|was|be) tried\b", "is tested"),
        ("because", r"\bfor want of\b", "because"),
        ("because", r"\bfor lack of\b", "because"),
        ("because", r"\blest\b", "so that ... not"),
        ("because", r"\bbut for\b", "except"),
    )
)


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


def findings_of_code(path: str, source: str) -> list[Finding]:
    tree = ast.parse(source)
    found: list[Finding] = []
    docstrings = set()
    for node, constant in _docstrings(tree):
        docstrings.add(id(constant))
        text = inspect.cleandoc(constant.value)
        found += _first_word(path, node, constant.lineno, text)
        found += _phrases(path, constant.lineno, text)
    for line, text in _comments(source):
        found += _phrases(path, line, text)
    for node, text in _strings(tree, docstrings):
        found += _phrases(path, node.lineno, text)
        found += [Finding(path, node.lineno, "long", each) for each in long_sentences(text)]
    return found


def findings_of_page(path: str, text: str) -> list[Finding]:
    found = []
    for line, paragraph in paragraphs(text):
        found += _phrases(path, line, paragraph)
        found += [Finding(path, line, "long", each) for each in long_sentences(paragraph)]
    return found


def all_findings() -> list[Finding]:
    found = []
    for file in sorted((ROOT / "stabcert").rglob("*.py")):
        found += findings_of_code(file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8"))
    for page in PAGES:
        found += findings_of_page(page, (ROOT / page).read_text(encoding="utf-8"))
    return found


def _docstrings(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.Constant]]:
    """Yield every string that is a statement, with what it describes; the string after a field describes the field."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for position, statement in enumerate(node.body):
            constant = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                yield (node if position == 0 else node.body[position - 1]), constant


def _first_word(path: str, node: ast.AST, line: int, text: str) -> list[Finding]:
    first = text.split(maxsplit=1)[0].rstrip(",.:;") if text.strip() else ""
    beginning = text.split("\n", 1)[0]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _is_property(node):
        return [] if first in VERBS else [Finding(path, line, "verb", f"{node.name}: {beginning}")]
    return [Finding(path, line, "noun", beginning)] if first in NOT_FIRST else []


def _is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = (ast.unparse(each) for each in node.decorator_list)
    return any(name in ("property", "cached_property", "functools.cached_property") for name in names)


def _phrases(path: str, line: int, text: str) -> list[Finding]:
    flat = " ".join(re.sub(r"``.*?``|`[^`]*`", "CODE", text).split())
    found = []
    for rule, pattern, instead in PHRASES:
        for match in pattern.finditer(flat):
            near = flat[max(0, match.start() - 40) : match.end() + 30]
            found.append(Finding(path, line, rule, f'"{match.group()}" (write: {instead}) in: …{near}…'))
    return found


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """Yield comments with the line of their beginning; those on consecutive lines are one text."""
    first, last, texts = 0, -1, []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if token.start[0] != last + 1:
            if texts:
                yield first, " ".join(texts)
            first, texts = token.start[0], []
        last = token.start[0]
        texts.append(token.string.lstrip("# "))
    if texts:
        yield first, " ".join(texts)


def _strings(tree: ast.Module, docstrings: set[int]) -> Iterator[tuple[ast.expr, str]]:
    """Yield every string with a space in it that is not a docstring; ``{}`` is in the place of what is filled in."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings | inside:
            text = node.value
        else:
            continue
        if " " in text.strip() and text not in NOT_PROSE:
            yield node, text


def paragraphs(page: str) -> Iterator[tuple[int, str]]:
    """Yield prose of a Markdown page by paragraphs and points of lists, without code, tables, headings, comments."""
    first, lines, fenced = 0, [], False
    for number, line in enumerate([*page.splitlines(), ""], 1):
        stripped = line.strip()
        fence = stripped.startswith("```")
        prose = bool(stripped) and not (fenced or fence or re.match(r"[|#<]|!\[", stripped))
        if (not prose or re.match(r"(?:[-*]|\d+\.) ", stripped)) and lines:
            yield first, " ".join(lines)
            lines = []
        if prose:
            first = first if lines else number
            lines.append(stripped)
        fenced ^= fence


def long_sentences(text: str) -> list[str]:
    text = re.sub(r"``.*?``|`[^`]*`", "CODE", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    sentences = re.split(r"(?<!e\.g)(?<!i\.e)(?<!et al)[.!?][)*\"”]*\s+|\n\s*\n", text)
    return [" ".join(each.split()) for each in sentences if len(re.findall(r"\S*\w\S*|\{\}", each)) > LONGEST]


if __name__ == "__main__":
    for _finding in all_findings():
        print(_finding)  # noqa: T201 - this is the command's result
