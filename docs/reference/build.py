"""Write the API reference from docstrings, as pages that open offline: `make docs`."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import re
import shutil
import sys
from functools import cached_property
from pathlib import Path
from textwrap import dedent
from typing import Any

from pdoc import doc, render
from pydantic import BaseModel

from mmgsim.contracts import FloatArray
from mmgsim.tables import TABLES

HERE = Path(__file__).parent
OUT = HERE.parent / "api"

PAGES: tuple[str, ...] = (
    "mmgsim",
    "mmgsim.contracts",
    "mmgsim.testing",
    "mmgsim.subproblems",
    "mmgsim.tables",
    "mmgsim.plots",
    "mmgsim.scenario",
    "mmgsim.scenario.schema",
    "mmgsim.scenario.event_schema",
    "mmgsim.scenario.communication_schema",
    "mmgsim.scenario.uncertainty_schema",
    "mmgsim.scenario.sizing_schema",
    "mmgsim.engine.futures",
    "mmgsim.coordination",
    "mmgsim.uncertainty",
    "mmgsim.division",
    "mmgsim.sizing",
    "mmgsim.sizing.games",
    "mmgsim.gym",
    "mmgsim.network",
    "mmgsim.settlement",
    "mmgsim.metrics",
    "mmgsim.errors",
    "mmgsim_agents",
    "mmgsim_agents.strategies",
    "mmgsim_agents.operators",
    "mmgsim_agents.operators.standard",
    "mmgsim_agents.markets",
    "mmgsim_agents.markets.standard",
)
"""Public modules, in the order of the index. What they list in `__all__` is shown."""

SHOWN: dict[str, tuple[str, ...]] = {
    # What a strategy, a private model or a test of one is written with; the rest of the package
    # serves mechanisms and the DNO.
    "mmgsim.subproblems": (
        "PrivateModel",
        "declare_microgrid",
        "update_microgrid",
        "Terms",
        "PublicPrices",
        "MicrogridInputs",
        "MicrogridProblem",
        "MicrogridPlan",
        "OfferProblem",
        "ProximalProblem",
        "Answer",
        "Parts",
        "as_offer",
        "disclosure_of",
        "exchange_limits",
        "public_prices",
        "hold_plan",
        "storage_rules",
        "Solver",
        "CompiledHighs",
        "PyomoHighs",
        "Outcome",
        "plan_faults",
        "dispatch_faults",
        "offer_faults",
    ),
}
"""Where less than `__all__` is shown."""


class Page(doc.Module):
    """A module with the names that are public, wherever in its package they are written."""

    @cached_property
    def _member_objects(self) -> dict[str, Any]:
        members = dict(super()._member_objects)
        shown = SHOWN.get(self.modulename)
        return members if shown is None else {name: members[name] for name in shown}

    @cached_property
    def _var_docstrings(self) -> dict[str, str]:
        """Texts below constants, those of the modules that a package takes them from too."""
        texts: dict[str, str] = {}
        for name, module in sorted(sys.modules.items()):
            if name.startswith(f"{self.modulename}."):
                texts |= doc.Module(module)._var_docstrings
        texts |= super()._var_docstrings
        if self.modulename == "mmgsim.tables":
            texts["TABLES"] += "".join(f"\n\n{_columns(table)}" for table in TABLES)
        return texts


def _columns(table: str) -> str:
    """Give the columns of a result table as Markdown."""
    rows = [f"| `{column.name}` | {column.meaning.replace('|', '/')} |" for column in TABLES[table]]
    return "\n".join([f"**{table}**", "", "| column | meaning |", "|---|---|", *rows])


def pages() -> dict[str, doc.Module]:
    """Give every page by the name of its module."""
    made = {name: Page(importlib.import_module(name)) for name in PAGES}
    for page in made.values():
        for member in page.flattened_own_members:
            if isinstance(member, doc.Class):
                _take_over_private(member)
                if issubclass(member.obj, BaseModel):
                    _name_fields(member)
    return made


def _take_over_private(shown: doc.Class) -> None:
    """Show what comes from a base class that is not public as the class's own."""
    public, own = {}, list(shown.own_members)
    for base, members in shown.inherited_members.items():
        named = [member for member in members if member.name != "__init__"]
        if base[1].startswith("_"):
            own += named
        else:
            public[base] = named
    shown.bases = [base for base in shown.bases if not base[1].startswith("_")]
    shown.inherited_members, shown.own_members = public, own


def _name_fields(config: doc.Class) -> None:
    """Show the fields of a pydantic model as they are written, not as pydantic keeps them."""
    bases = [base for base in config.obj.__mro__ if base.__module__ == config.obj.__module__]
    written = {
        node.target.id: ast.unparse(node.annotation)
        for base in bases
        for node in ast.walk(ast.parse(dedent(inspect.getsource(base))))
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    for field in config.own_members:
        if isinstance(field, doc.Variable) and field.name in written:
            field.annotation_str = f": {written[field.name]}"
            if config.obj.model_fields[field.name].is_required():
                field.default_value_str = ""


def write(out: Path) -> Path:
    """Write all pages, an index and its search into a folder made anew; give the index."""
    shown = pages()
    render.configure(
        docformat="numpy",
        footer_text=f"mmgsim {importlib.metadata.version('mmgsim')}",
        show_source=False,
        template_directory=HERE,
    )
    render.env.globals["firsts"] = {
        n: page.docstring.partition("\n")[0] for n, page in shown.items()
    }
    shutil.rmtree(out, ignore_errors=True)
    for name, page in shown.items():
        file = out / f"{name.replace('.', '/')}.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_named(render.html_module(page, shown)), encoding="utf-8")
    (out / "search.js").write_text(render.search_index(shown), encoding="utf-8")
    index = out / "index.html"
    index.write_text(render.html_index(shown), encoding="utf-8")
    return index


def _named(html: str) -> str:
    """Call arrays by their name: pdoc writes out what it stands for, token by token."""
    written_out = str(FloatArray).replace("~", "")
    tokens = re.findall(r"\w+|\.\.\.|\W", written_out.replace("'", ""))
    between = r"(?:</?span[^>]*>)*"
    pattern = between.join(re.escape(token) for token in tokens)
    return re.sub(rf"{pattern}", 'FloatArray</span><span class="p">', html)


if __name__ == "__main__":
    print(write(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT))  # noqa: T201
