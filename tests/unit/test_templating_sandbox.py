"""S13: templates that try to get out or to use the machine up end with an error, soon and small."""

from __future__ import annotations

import resource
import time
from typing import Any

import pytest
from support.workloads import workload

from jupyter_flow.authoring.exceptions import TaskFailure
from jupyter_flow.runner.bounds import TimeUp, bounded
from jupyter_flow.runner.task_context import TaskChannel, build_context
from jupyter_flow.runner.templating import Renderer

ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ ().__class__.__bases__[0].__subclasses__() }}",
    "{{ ti.__init__.__globals__ }}",
    "{{ ti._runtime }}",
    "{{ ti['_runtime'] }}",
    "{{ ti | attr('_runtime') }}",
    "{{ var.value._runtime }}",
    "{{ var.value | attr('_runtime') }}",
    "{{ macros.ds_add.__globals__ }}",
    "{{ macros.json.loads.__globals__['__builtins__'] }}",
    "{{ macros.datetime.__subclasses__() }}",
    "{{ self.__init__ }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '{x.__class__}'.format_map({'x': 1}) }}",
    "{{ ''.join.__self__.__class__ }}",
    "{{ params.update({'a': 1}) }}",
    "{{ params.clear() }}",
    "{{ [].append(1) }}",
    "{% set _ = dag_run.conf.pop('x') %}",
    "{{ lipsum.__globals__ }}",
    "{% include '/etc/passwd' %}",
    "{% include '../../../etc/passwd' %}",
    "{% import 'os' as os %}",
]
BOMBS = [
    "{{ 'a' * 10000000000 }}",
    "{{ [0] * 10000000000 }}",
    "{{ 10 ** (10 ** 10) }}",
    "{{ 3 ** (300000 ** 2) }}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{{ range(100000000) }}",
    "{% set ns = namespace(x='a' * 1000) %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    "{% set ns = namespace(x='a' * 1000) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "{% set ns = namespace(x=9) %}{% for i in range(60) %}{% set ns.x = ns.x * ns.x %}{% endfor %}{{ ns.x }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '{:1000000000}'.format(1) }}",
    "{{ 'x'.ljust(1000000000) }}",
    "{{ 'x' | center(1000000000) }}",
    "{{ 'x\n' | indent(1000000000, first=True) }}",
    "{{ ('a' * 1000) | replace('a', 'b' * 1000) | replace('b', 'c' * 1000) }}",
    "{{ 'x' | batch(1000000000, 'y') | list }}",
    "{{ [1] | slice(1000000000) | list | length }}",
    "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{{ " + "-" * 20000 + "1 }}",
    "{{ " + "[" * 3000 + "]" * 3000 + " }}",
    "{{ range(100000) | map('string') | join('x' * 1000) }}",
    "{{ macros.json.loads('[' * 100000) }}",
]


def refusal(template: str) -> str:
    work = workload(run={"params": {"n": 1}, "conf": {"x": 1}})
    renderer = Renderer(build_context(work, TaskChannel(work)).for_templates, folders=["/nowhere"])
    with pytest.raises(TaskFailure) as caught:
        renderer.render(template, "field")
    assert caught.value.reason.code == "template"
    message: str = caught.value.reason.args["message"]
    return message


@pytest.mark.parametrize("template", ESCAPES)
def test_escapes_are_refused(template: str) -> None:
    assert refusal(template)


@pytest.mark.parametrize("template", BOMBS, ids=range(len(BOMBS)))
def test_bombs_end_soon_and_small(template: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    assert len(refusal(template)) <= 500
    assert time.process_time() - started <= 1.0
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 <= 50 * 1024 * 1024


def test_the_bounds_hold_for_all_fields_of_a_task_together() -> None:
    work = workload()
    renderer = Renderer(build_context(work, TaskChannel(work)).for_templates)
    slow = "{% for i in range(3000) %}{% for j in range(100) %}{{ j }}{% endfor %}{% endfor %}"
    started = time.process_time()
    with pytest.raises(TaskFailure, match="takes too long"):
        renderer.render([slow] * 1000, "field")
    assert time.process_time() - started <= 1.0


def test_bounds_leave_no_trace() -> None:
    import signal

    limit, handler = resource.getrlimit(resource.RLIMIT_AS), signal.getsignal(signal.SIGPROF)
    with bounded(0.5, 1 << 20):
        pass

    def too_long() -> Any:
        with bounded(0.05, 1 << 24):
            while True:
                pass

    with pytest.raises(TimeUp):
        too_long()
    assert resource.getrlimit(resource.RLIMIT_AS) == limit
    assert signal.getsignal(signal.SIGPROF) == handler
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
