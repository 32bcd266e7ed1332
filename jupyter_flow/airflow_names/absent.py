"""What Airflow has and this version has not: for each name or package, what to use instead. Data only."""

from __future__ import annotations

_SQL = "SQL operators and hooks come later: use a @task with SQLAlchemy (PostgreSQL: extra [postgresql]), or SqlSensor"
_MAIL = "use email_on_failure, or SmtpNotifier (jupyter_flow.notifications) as a callback"
_HTTP = "HTTP operators come later: use a @task with an HTTP library, or HttpSensor to wait"
_SPARK = "it is known and comes later: use BashOperator with spark-submit, or a @task with pyspark"
_OBJECT_STORE = "use a @task with fsspec (extra [stores]), or FileSensor for local files"
_CONTAINER = "tasks run on this machine: use BashOperator with `docker run`, or @task.virtualenv for other packages"
_TRIGGER = "nothing is deferred to triggers here: use a sensor with mode='reschedule'"
_PLUGIN = "there are no plugins: import what you need from a module beside the DAG file"
_DATABASE = "tasks do not reach the database: use ti, dag_run and Variable in the task, or the REST API"
_HITL = "tasks that wait for a person come later"
_CLOUD = "operators of this service are not here: use a @task with the service's own Python library"
_EXAMPLES = "Airflow's own examples are not installed: copy that module beside the DAG file and import it from there"

NAMES: dict[str, str] = {
    # known, they come later
    "DMSSqlOperator": _SQL.replace("SQL operators and hooks come later", "it is known and comes later"),
    "DMSAnalyticDBSparkSqlOperator": _SPARK,
    "DMSAnalyticDBSparkOperator": _SPARK,
    "DTSLakeInjectionOperator": "it is known and comes later: copy data in a @task with pandas or fsspec",
    "SLSNotifier": "it is known and comes later: use WebhookNotifier",
    "CloudMonitorNotifier": "it is known and comes later: use WebhookNotifier",
    "CoutureSparkOperator": _SPARK,
    "CouturePySparkOperator": _SPARK,
    # operators
    "EmailOperator": _MAIL,
    "send_email": _MAIL,
    "send_email_smtp": _MAIL,
    "SimpleHttpOperator": _HTTP,
    "HttpOperator": _HTTP,
    "HttpHook": _HTTP,
    "SQLExecuteQueryOperator": _SQL,
    "SQLCheckOperator": _SQL,
    "BranchSQLOperator": _SQL,
    "PostgresOperator": _SQL,
    "PostgresHook": _SQL,
    "MySqlOperator": _SQL,
    "SqliteOperator": _SQL,
    "JdbcOperator": _SQL,
    "KubernetesPodOperator": _CONTAINER,
    "DockerOperator": _CONTAINER,
    "SparkSubmitOperator": _SPARK,
    "HITLOperator": _HITL,
    "HITLEntryOperator": _HITL,
    "HITLBranchOperator": _HITL,
    "ApprovalOperator": _HITL,
    "S3KeySensor": _OBJECT_STORE,
    "GCSObjectExistenceSensor": _OBJECT_STORE,
    "ObjectStoragePath": "use fsspec or universal_pathlib in the task (extra [stores])",
    # inner parts of Airflow
    "AirflowPlugin": _PLUGIN,
    "hookimpl": "there are no listeners: use the callbacks of DAG and tasks",
    "BaseTrigger": _TRIGGER,
    "TriggerEvent": _TRIGGER,
    "TaskDeferred": _TRIGGER,
    "BaseAsyncOperator": _TRIGGER,
    "AssetWatcher": "nothing is watched: tell of an outside event with `jupyter flow assets emit` or by REST",
    "DagBag": "use `jupyter flow check FILE` to load a DAG file",
    "DagModel": _DATABASE,
    "Pool": "pools are set with `jupyter flow pools set`",
    "XCom": "use ti.xcom_pull and ti.xcom_push in the task",
    "BaseXCom": "use ti.xcom_pull and ti.xcom_push in the task; where large ones lie is a setting of the house",
    "BaseOperatorLink": "links of operators are not shown: print the link, it is in the log",
    "PriorityWeightStrategy": "use weight_rule='downstream', 'upstream' or 'absolute'",
    "provide_session": _DATABASE,
    "create_session": _DATABASE,
    "NEW_SESSION": _DATABASE,
    "Session": _DATABASE,
    "TaskReschedule": _DATABASE,
    "SlaMiss": _DATABASE,
    "DagCode": _DATABASE,
    "Log": _DATABASE,
    "AssetAccessControl": "who may update an asset is not checked",
    "PartitionedAssetTimetable": "partitions are not here: use assets as schedule",
    "CronPartitionTimetable": "partitions are not here: use CronTriggerTimetable",
    "create_timetable": "give the cron expression itself as schedule",
    "cron_presets": "give the preset itself as schedule, such as '@daily'",
    "date_range": "use dateutil.rrule",
    "round_time": "use datetime arithmetic",
    "parse_execution_date": "use datetime.fromisoformat",
    "dates": "use datetime and timedelta",
    "NOTSET": "leave the argument out",
    "ArgNotSet": "leave the argument out",
    "lineage": "inlets and outlets of tasks are the lineage",
}
"""Name, whatever the module -> what to use instead (the end of a line)."""

PACKAGES: dict[str, str] = {
    "airflow": "Jupyter Flow answers the names of DAG authors; see the page From Airflow to Jupyter Flow",
    "airflow.providers": _CLOUD,
    "airflow.providers.alibaba": "of its operators DMSNotebookOperator is here; use a @task for the others",
    "airflow.providers.amazon": "operators of AWS are not here: use a @task with boto3, for S3 fsspec (extra [stores])",
    "airflow.providers.apache.spark": _SPARK,
    "airflow.providers.celery": "tasks run on this machine: pools and max_active_tasks bound them",
    "airflow.providers.cncf.kubernetes": _CONTAINER,
    "airflow.providers.common.io": _OBJECT_STORE,
    "airflow.providers.common.sql": _SQL,
    "airflow.providers.databricks": _SPARK,
    "airflow.providers.docker": _CONTAINER,
    "airflow.providers.email": _MAIL,
    "airflow.providers.ftp": _OBJECT_STORE,
    "airflow.providers.google": "operators of Google Cloud are not here: use a @task with its own Python library",
    "airflow.providers.http": _HTTP,
    "airflow.providers.jdbc": _SQL,
    "airflow.providers.microsoft.azure": "operators of Azure are not here: use a @task with its own Python library",
    "airflow.providers.microsoft.mssql": _SQL,
    "airflow.providers.mysql": _SQL,
    "airflow.providers.odbc": _SQL,
    "airflow.providers.oracle": _SQL,
    "airflow.providers.postgres": _SQL,
    "airflow.providers.sftp": _OBJECT_STORE,
    "airflow.providers.slack": "use SlackWebhookNotifier (jupyter_flow.notifications) as a callback",
    "airflow.providers.smtp": _MAIL,
    "airflow.providers.snowflake": _SQL,
    "airflow.providers.sqlite": _SQL,
    "airflow.providers.ssh": "use BashOperator with ssh",
    "airflow.providers.standard.hooks": "use a @task",
    "airflow.providers.standard.operators.hitl": _HITL,
    "airflow.providers.standard.triggers": _TRIGGER,
    "airflow.api": _DATABASE,
    "airflow.api_connexion": _DATABASE,
    "airflow.contrib": "it is a path of Airflow 1.10; see the page From Airflow to Jupyter Flow",
    "airflow.example_dags": _EXAMPLES,
    "airflow.executors": "tasks run on this machine: pools and max_active_tasks bound them",
    "airflow.hooks": "use a @task with the library itself, and Connection.get for addresses and passwords",
    "airflow.io": _OBJECT_STORE,
    "airflow.jobs": _DATABASE,
    "airflow.kubernetes": _CONTAINER,
    "airflow.lineage": "inlets and outlets of tasks are the lineage",
    "airflow.listeners": "there are no listeners: use the callbacks of DAG and tasks",
    "airflow.operators.email": _MAIL,
    "airflow.operators.email_operator": _MAIL,
    "airflow.operators.http_operator": _HTTP,
    "airflow.operators.mysql_operator": _SQL,
    "airflow.operators.postgres_operator": _SQL,
    "airflow.operators.sql": _SQL,
    "airflow.plugins_manager": _PLUGIN,
    "airflow.secrets": "connections come from the environment: JUPYTER_FLOW_CONN_<ID> or AIRFLOW_CONN_<ID>",
    "airflow.security": "access_control takes role names and names of permissions",
    "airflow.sensors.s3_key_sensor": _OBJECT_STORE,
    "airflow.settings": _DATABASE,
    "airflow.stats": "measure in the task and print it: the log keeps it",
    "airflow.task.priority_strategy": NAMES["PriorityWeightStrategy"],
    "airflow.triggers": _TRIGGER,
    "airflow.utils.db": _DATABASE,
    "airflow.utils.email": _MAIL,
    "airflow.utils.session": _DATABASE,
    "airflow.www": "the web pages of Airflow are not here",
}
"""Package (and all beneath it) -> what to use instead. The longest that fits counts."""


def instead_of_module(module: str) -> str:
    """Return what to use instead of ``module``."""
    while module not in PACKAGES:
        module = module.rpartition(".")[0]
    return PACKAGES[module]
