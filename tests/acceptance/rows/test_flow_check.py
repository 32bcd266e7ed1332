"""``jupyter flow check`` and ``%flow check``: what will go wrong at night is said by day."""

from __future__ import annotations

import json

from support.files import notebook_json
from support.houses import House

DAG = """
from jupyter_flow import DAG, BashOperator, NotebookOperator

with DAG("nightly", schedule=None):
    NotebookOperator(task_id="messy", notebook="messy.ipynb", parameters={"day": "{{ ds }}", "rows": 3})
    NotebookOperator(task_id="foreign", notebook="clean.ipynb", kernel_name="julia-9")
    NotebookOperator(task_id="clean", notebook="clean.ipynb")
    BashOperator(task_id="variable", bash_command="echo $CITY", env={"CITY": "{{ var.value.city }}"})
"""
MESSY = [
    {"source": "rows = 1", "tags": ["parameters"]},
    "import json, no_such_module_here\nfrom pathlib import Path\nimport beside",
    "%matplotlib inline\ntry:\n    import optional_module\nexcept ImportError:\n    pass",
    "data = open('/home/somebody/data.csv')",
]


def _write(house: House) -> None:
    messy = notebook_json(MESSY)
    for cell, count in zip(messy["cells"], (1, 4, 3, 5), strict=True):
        cell["execution_count"] = count
    (house.dags / "messy.ipynb").write_text(json.dumps(messy))
    (house.dags / "clean.ipynb").write_text(json.dumps(notebook_json(["import json\njson.dumps(1)"])))
    (house.dags / "beside.py").write_text("raise SystemExit('imports are looked for, not made')\n")
    house.write_dag(DAG, "nightly.py")


def test_kernels_imports_paths_parameters_order_and_variables_are_looked_at(house: House) -> None:
    _write(house)
    answer = house.cli("check", str(house.dags / "nightly.py"), "--json")
    assert answer.code == 1
    said = {(item["kind"], item["message"].partition(": ")[2]) for item in answer.json["problems"]}
    texts = " | ".join(sorted(f"{kind}: {text}" for kind, text in said))
    for words in (
        "error: notebook 'messy.ipynb': cell 2 imports 'no_such_module_here', which kernel python3",
        "warning: notebook 'messy.ipynb': cell 4 names the absolute path '/home/somebody/data.csv'",
        "warning: notebook 'messy.ipynb': cell 3 was last run before cell 2 above it",
        "does not declare day",
        "unknown kernel 'julia-9'",
        "variable 'city' is not set: `jupyter flow variables set city VALUE`",
    ):
        assert words.removeprefix("error: ").removeprefix("warning: ") in texts, texts
    assert "optional_module" not in texts
    assert "beside" not in texts
    assert "clean.ipynb': cell" not in texts
    assert [dag["dag_id"] for dag in answer.json["dags"]] == ["nightly"]


def test_a_file_whose_notebooks_are_ready_passes(house: House) -> None:
    _write(house)
    house.call("variables.set", key="city", value="Oslo")
    ready = DAG.replace('"messy.ipynb", parameters={"day": "{{ ds }}", "rows": 3}', '"clean.ipynb"')
    path = house.write_dag(ready.replace(', kernel_name="julia-9"', "").replace("nightly", "ready"), "ready.py")
    answer = house.cli("check", str(path))
    assert (answer.code, answer.err) == (0, "")
    assert "messy, foreign, clean, variable" in answer.out


def test_a_file_that_does_not_load_still_has_exit_code_2(house: House) -> None:
    path = house.write_dag("import jupyter_flow\nraise ValueError('no')\n", "broken.py")
    answer = house.cli("check", str(path))
    assert answer.code == 2
    assert answer.err.count("\n") == 1
