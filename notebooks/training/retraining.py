"""The retraining DAG: whenever measurements arrive, ask whether they still look like what the champion learned from.

If they do, the champion stays. If they have drifted, a new model is trained on them and judged by its accuracy: when
a device measures everything larger, the order of the samples stays, and with it the AUC, but the border between benign
and malignant is in the wrong place.

Watch it: switch both DAGs on, train a champion, then let a delivery drift:

    jupyter flow dags unpause retraining
    jupyter flow dags trigger training --unpause --wait
    jupyter flow dags trigger training --conf '{"drift": 0.3, "min_gain": 0.05}'
    jupyter flow runs list retraining

Without `min_gain` the training DAG may register a model of its own for the same delivery before this one does.
"""

import re
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from jupyter_flow import DAG, Asset, EmptyOperator, FlowFailException, NotebookOperator, Param, task

measurements = Asset("measurements")

with DAG(
    dag_id="retraining",
    description="Train a new champion when the measurements have drifted",
    schedule=[measurements],
    start_date=datetime(2026, 1, 1),
    max_active_runs=1,
    render_template_as_native_obj=True,
    default_args={
        "owner": "data science",
        "retries": 1,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(minutes=10),
    },
    params={
        "psi_limit": Param(0.2, type="number", exclusiveMinimum=0, description="PSI above which a feature has moved"),
        "p_limit": Param(0.01, type="number", minimum=0, maximum=1, description="KS: at most so probable by chance"),
        "min_gain": Param(0.0, type="number", minimum=0, maximum=1, description="Accuracy that must be gained"),
    },
    tags=["example", "machine learning"],
    doc_md=__doc__,
) as dag:

    @task(inlets=[measurements], retries=0)
    def take_delivery(inlet_events, ti, run_id) -> dict[str, str]:
        """Copy the newest delivery into a folder of this run, so that nothing of the other run is overwritten."""
        deliveries = [event for event in inlet_events[measurements] if event.source_run_id]
        if not deliveries:
            raise FlowFailException("nothing was delivered yet: run the DAG training first")
        newest = deliveries[-1]
        source = {"dag_id": newest.source_dag_id, "run_id": newest.source_run_id, "task_ids": newest.source_task_id}
        target = Path("data") / "runs" / re.sub(r"[^\w.-]", "_", run_id) / "measurements.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ti.xcom_pull(key="path", **source), target)
        day = newest.timestamp.date().isoformat()
        return {"path": str(target), "sha256": ti.xcom_pull(key="sha256", **source), "day": day}

    @task.branch
    def has_it_drifted(drifted: bool) -> str:
        """Return the task that goes on."""
        return "train" if drifted else "keep_champion"

    delivery = take_delivery()
    validate = NotebookOperator(
        task_id="validate",
        notebook="validate.ipynb",
        parameters={"path": delivery["path"]},
        retries=0,  # it was announced before it was validated
    )
    features = NotebookOperator(task_id="features", notebook="features.ipynb", parameters={"path": delivery["path"]})
    drift = NotebookOperator(
        task_id="drift",
        notebook="drift.ipynb",
        parameters={
            "features_path": features.output["path"],
            "psi_limit": "{{ params.psi_limit }}",
            "p_limit": "{{ params.p_limit }}",
        },
    )
    choice = has_it_drifted(drift.output["drifted"])
    train = NotebookOperator(task_id="train", notebook="train.ipynb", parameters={"path": features.output["path"]})
    evaluate = NotebookOperator(
        task_id="evaluate",
        notebook="evaluate.ipynb",
        parameters={
            "features_path": features.output["path"],
            "model_path": train.output["path"],
            "min_gain": "{{ params.min_gain }}",
            "measured_by": "accuracy",
        },
    )
    register = NotebookOperator(
        task_id="register",
        notebook="register.ipynb",
        parameters={
            "run_id": "{{ run_id }}",
            "run_date": delivery["day"],
            "features_path": features.output["path"],
            "model_path": train.output["path"],
            "better": evaluate.output["better"],
            "champion_version": evaluate.output["champion_version"],
            "metrics": evaluate.output["metrics"],
            "data_sha256": delivery["sha256"],
            "training": {"c": train.output["c"]},
        },
    )
    keep_champion = EmptyOperator(task_id="keep_champion")
    checked = EmptyOperator(task_id="checked", trigger_rule="none_failed_min_one_success")

    validate >> features
    choice >> train >> evaluate >> register >> checked
    choice >> keep_champion >> checked
