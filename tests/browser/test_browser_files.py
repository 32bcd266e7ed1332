"""DAG files as files: upload, a look at what is wrong, the editor, earlier texts, delete."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support.browser import LabPage
from support.lab_server import LabServer
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(240)
SLOW = 60_000
NIGHTLY = """from jupyter_flow import DAG, BashOperator

with DAG("nightly", schedule=None):
    BashOperator(task_id="only", bash_command="echo {word}")
"""
BROKEN = """from jupyter_flow import DAG, BashOperator

with DAG("uploaded", schedule=None):
    BashOperator(task_id="only", command="echo")
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A server of its own, whose root lies beneath the home folder as most do."""
    server = LabServer(tmp_path_factory.mktemp("files"))
    server.env["HOME"] = str(server.base)
    server.write_dag(NIGHTLY.format(word="one"), "nightly.py")
    try:
        server.start("lab", "--expose-app-in-browser")
        server.wait_for_dag("nightly")
        yield server
    finally:
        server.close()


def row(page: Page, name: str) -> Locator:
    return page.locator(".jp-flow-files .jp-flow-vtable-row", has=page.get_by_role("button", name=name, exact=True))


def test_a_file_is_uploaded_once_it_loads(lab: LabServer, browser: Browser) -> None:
    tab = LabPage(browser, lab)
    page = tab.page
    tab.open_panel()
    page.get_by_role("navigation", name="Pages").get_by_role("button", name="DAG files").click()
    expect(row(page, "nightly.py")).to_contain_text("loads")
    upload = page.locator("input[data-upload]")
    upload.set_input_files({"name": "team.py", "mimeType": "text/x-python", "buffer": BROKEN.encode()})
    card = page.get_by_role("region", name="New text of team.py")
    expect(card).to_have_attribute("data-candidate", "bad", timeout=SLOW)
    expect(card).to_contain_text("team.py, line 4")
    expect(card.locator(".jp-flow-problem-line")).to_have_text('BashOperator(task_id="only", command="echo")')
    tab.screenshot("files-upload-light")
    assert not (lab.dags / "team.py").exists()

    mended = BROKEN.replace("command=", "bash_command=")
    upload.set_input_files({"name": "team.py", "mimeType": "text/x-python", "buffer": mended.encode()})
    expect(card).to_contain_text("It loads and defines uploaded.", timeout=SLOW)
    card.get_by_role("button", name="Put live").click()
    expect(card).to_have_count(0, timeout=SLOW)
    assert (lab.dags / "team.py").read_text() == mended
    expect(row(page, "team.py")).to_contain_text("uploaded", timeout=SLOW)
    assert lab.get("/dags/uploaded")["dag_file"] == "team.py"

    details = page.get_by_role("complementary", name="File team.py")
    details.get_by_role("button", name="Delete …").click()
    details.get_by_role("button", name="Delete", exact=True).click()
    expect(row(page, "team.py")).to_have_count(0, timeout=SLOW)
    assert not (lab.dags / "team.py").exists()
    page.close()
    assert tab.errors == []


def test_a_mistake_is_seen_in_the_editor_and_an_earlier_text_comes_back(lab: LabServer, browser: Browser) -> None:
    assert lab.run_to_end("nightly")["state"] == "success"  # texts of versions that ran are kept
    path = lab.dags / "nightly.py"
    first = path.read_text()
    tab = LabPage(browser, lab, "dark")
    page = tab.page
    tab.run("jupyter-flow:open-files", {"name": "nightly.py"})
    details = page.get_by_role("complementary", name="File nightly.py")
    details.get_by_role("button", name="Open in editor").click()
    editor = page.locator(".jp-FileEditor .cm-content")
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("DAG(3)\n")
    page.keyboard.press("Control+s")
    said = page.locator(".jp-flow-open-problem")
    expect(said).to_contain_text("nightly.py:5", timeout=SLOW)
    tab.screenshot("files-editor-dark")
    said.get_by_role("button", name="nightly.py:5").click()
    expect(page.locator("#jp-main-statusbar")).to_contain_text("Ln 5, Col 1")

    page.locator(".lm-TabBar-tab", has_text="DAG files").click()
    expect(row(page, "nightly.py")).to_contain_text("1 error", timeout=SLOW)
    expect(details.get_by_role("list", name="Problems of nightly.py")).to_contain_text("nightly.py:5")
    earlier = lab.get("/dag-files/nightly.py/versions")["versions"][-1]
    details.get_by_label("Text of nightly.py").first.select_option(earlier["bundle"])
    expect(details.locator(".cm-insertedLine, .cm-changedLine").first).to_contain_text("DAG(3)")
    tab.screenshot("files-earlier-dark")
    details.get_by_role("button", name="Restore …").click()
    card = page.get_by_role("region", name="New text of nightly.py")
    expect(card).to_contain_text("It loads and defines nightly.", timeout=SLOW)
    card.get_by_role("button", name="Put live").click()
    expect(card).to_have_count(0, timeout=SLOW)
    assert path.read_text() == first
    expect(row(page, "nightly.py")).to_contain_text("loads", timeout=SLOW)
    wait_for(lambda: lab.get("/import-errors") == [], "the house has loaded it")
    page.close()
    assert tab.errors == []
