"""The training DAG: six notebooks, every night, from raw measurements to a registered model.

Try it:           jupyter flow run notebooks/training/training.py
With bad data:    jupyter flow run notebooks/training/training.py --conf '{"corrupt_rows": 3}'

The first task updates the asset `measurements`, which starts the DAG of `retraining.py`.
"""

from datetime import datetime, timedelta

from jupyter_flow import DAG, Asset, NotebookOperator, Param, chain

measurements = Asset("measurements")

with DAG(
    dag_id="training",
    description="Train a model on the day's delivery and register it if it beats the champion",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,  # one registry, one writer
    render_template_as_native_obj=True,  # {{ params.folds }} arrives as a number, not as text
    default_args={
        "owner": "data science",
        "retries": 1,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(minutes=10),
    },
    params={
        "corrupt_rows": Param(0, type="integer", minimum=0, maximum=100, description="Rows to break, to see it caught"),
        "drift": Param(
            0.0, type="number", minimum=0, maximum=0.5, description="Share by which areas and textures grow"
        ),
        "folds": Param(5, type="integer", minimum=2, maximum=10, description="Folds of the cross-validation"),
        "c_max": Param(10.0, type="number", exclusiveMinimum=0, description="Weakest regularisation to try"),
        "min_gain": Param(
            0.0, type="number", minimum=0, maximum=1, description="AUC by which the champion must be beaten"
        ),
    },
    tags=["example", "machine learning"],
    doc_md=__doc__,
) as dag:
    ingest = NotebookOperator(
        task_id="ingest",
        notebook="ingest.ipynb",
        parameters={
            "run_date": "{{ ds }}",
            "run_id": "{{ run_id }}",
            "corrupt_rows": "{{ params.corrupt_rows }}",
            "drift": "{{ params.drift }}",
        },
        outlets=[measurements],
    )
    validate = NotebookOperator(
        task_id="validate",
        notebook="validate.ipynb",
        parameters={"path": "{{ ti.xcom_pull(task_ids='ingest', key='path') }}"},
        retries=0,  # bad data is still bad in ten seconds
    )
    features = NotebookOperator(
        task_id="features",
        notebook="features.ipynb",
        parameters={"path": "{{ ti.xcom_pull(task_ids='ingest', key='path') }}"},
    )
    train = NotebookOperator(
        task_id="train",
        notebook="train.ipynb",
        parameters={
            "path": "{{ ti.xcom_pull(task_ids='features', key='path') }}",
            "folds": "{{ params.folds }}",
            "c_max": "{{ params.c_max }}",
        },
    )
    evaluate = NotebookOperator(
        task_id="evaluate",
        notebook="evaluate.ipynb",
        parameters={
            "features_path": "{{ ti.xcom_pull(task_ids='features', key='path') }}",
            "model_path": "{{ ti.xcom_pull(task_ids='train', key='path') }}",
            "min_gain": "{{ params.min_gain }}",
        },
    )
    register = NotebookOperator(
        task_id="register",
        notebook="register.ipynb",
        parameters={
            "run_id": "{{ run_id }}",
            "run_date": "{{ ds }}",
            "features_path": "{{ ti.xcom_pull(task_ids='features', key='path') }}",
            "model_path": "{{ ti.xcom_pull(task_ids='train', key='path') }}",
            "better": "{{ ti.xcom_pull(task_ids='evaluate', key='better') }}",
            "champion_version": "{{ ti.xcom_pull(task_ids='evaluate', key='champion_version') }}",
            "metrics": "{{ ti.xcom_pull(task_ids='evaluate', key='metrics') }}",
            "data_sha256": "{{ ti.xcom_pull(task_ids='ingest', key='sha256') }}",
            "training": {
                "c": "{{ ti.xcom_pull(task_ids='train', key='c') }}",
                "c_max": "{{ params.c_max }}",
                "folds": "{{ params.folds }}",
            },
        },
    )
    chain(ingest, validate, features, train, evaluate, register)
