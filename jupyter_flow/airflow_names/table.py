"""Which modules of Airflow are answered, and each name in them by which of our objects. Data only.

A target is ``room.module`` (the object has the same name there) or ``room.module:name``. ``airflow.sdk`` and
``airflow.providers.standard`` are Airflow 3; every other path is older, and its names mean what they meant there.
"""

from __future__ import annotations

Names = dict[str, str]


def _same(target: str, *names: str) -> Names:
    return dict.fromkeys(names, target)


OWN = "airflow_names"
DAG2: Names = {"DAG": f"{OWN}.dags:Airflow2DAG"}
DAG3: Names = {"DAG": f"{OWN}.dags:Airflow3DAG"}
DAG_FUNCTION2: Names = {"dag": f"{OWN}.dags:airflow2_dag"}
DAG_FUNCTION3: Names = {"dag": f"{OWN}.dags:airflow3_dag"}
TASK_FUNCTIONS = _same("authoring.decorators", "setup", "task", "task_group", "teardown")
BASE_OPERATOR: Names = {"BaseOperator": "authoring.operator"}
CHAINS = _same("authoring.dependencies", "chain", "chain_linear", "cross_downstream")
LABELS = _same("authoring.edges", "EdgeModifier", "Label")
GROUP: Names = {"TaskGroup": "authoring.task_group"}
PARAMS: Names = {"Param": "authoring.params", "ParamsDict": f"{OWN}.small"}
VARIABLE: Names = {"Variable": "authoring.variable"}
CONNECTION: Names = {"Connection": "authoring.connection"}
CONTEXT: Names = {"Context": "authoring.context"}
CURRENT_CONTEXT: Names = {"get_current_context": "authoring.context"}
PARSING_CONTEXT: Names = {"get_parsing_context": "authoring.parsing_context"}
XCOM_ARG: Names = {"XComArg": "authoring.xcom_arg"}
XCOM_KEY: Names = {"XCOM_RETURN_KEY": "authoring.xcom_arg:RETURN_VALUE"}
TASK_INSTANCE: Names = {"TaskInstance": "runner.task_instance:TaskInstanceView"}
DAG_RUN: Names = {"DagRun": "runner.task_instance:DagRunView"}
TRIGGER_RULE: Names = {"TriggerRule": "authoring.trigger_rule"}
WEIGHT_RULE: Names = {"WeightRule": "authoring.weight_rule"}
STATES = _same(f"{OWN}.states", "DagRunState", "State", "TaskInstanceState")
HOOK: Names = {"BaseHook": f"{OWN}.small"}
CONF: Names = {"conf": f"{OWN}.configuration"}
NOTIFIER: Names = {"BaseNotifier": "notifications.base"}
ASSETS = _same("authoring.assets", "Asset", "AssetAlias", "AssetAll", "AssetAny")
ASSET_FUNCTION: Names = {"asset": "authoring.asset_functions"}
METADATA: Names = {"Metadata": "authoring.assets"}
DATASETS = _same("authoring.assets", "Dataset", "DatasetAlias", "DatasetAll", "DatasetAny")
DEADLINES = _same("authoring.deadlines", "DeadlineAlert", "DeadlineReference")
DEADLINE_CALLBACKS = _same("authoring.callbacks", "AsyncCallback", "SyncCallback")
RETRIES = _same(
    "authoring.retry_policy", "ExceptionRetryPolicy", "RetryAction", "RetryDecision", "RetryPolicy", "RetryRule"
)
MACROS = {
    **_same("runner.macros", "ds_add", "ds_format", "ds_format_locale", "datetime_diff_for_humans"),
    **_same(f"{OWN}.small", "datetime", "timedelta", "dateutil", "json", "random", "time", "uuid", "yaml"),
}
TIMEZONE = _same(
    f"{OWN}.timezone",
    *("coerce_datetime", "convert_to_utc", "datetime", "is_localized", "is_naive", "make_aware", "make_naive"),
    *("parse", "parse_timezone", "utc", "utc_epoch", "utcnow"),
)
EXCEPTIONS = {
    **_same(
        "authoring.exceptions",
        *("AirflowException", "AirflowFailException", "AirflowSkipException"),
        *("DagNotFound", "DagRunAlreadyExists", "DagRunNotFound", "XComNotFound"),
    ),
    "AirflowNotFoundException": "authoring.exceptions:FlowNotFoundException",
    "AirflowRescheduleException": "authoring.exceptions:FlowRescheduleException",
    "AirflowSensorTimeout": "authoring.exceptions:FlowSensorTimeout",
    "AirflowTaskTimeout": "authoring.exceptions:FlowTaskTimeout",
    "AirflowTimetableInvalid": "authoring.exceptions:DagError",
    "AirflowDagCycleException": "authoring.exceptions:DagError",
    "AirflowDagDuplicatedIdException": "authoring.exceptions:DagError",
    "DuplicateTaskIdFound": "authoring.exceptions:DagError",
    "RemovedInAirflow3Warning": "authoring.exceptions:FlowWarning",
}

EMPTY: Names = {"EmptyOperator": "operators.empty"}
DUMMY: Names = {"DummyOperator": "operators.empty"}
BASH: Names = {"BashOperator": "operators.bash"}
PYTHON = {
    "PythonOperator": "operators.python",
    **_same("operators.branch", "BranchPythonOperator", "ShortCircuitOperator"),
    **_same(
        "operators.external_python",
        *("BranchExternalPythonOperator", "BranchPythonVirtualenvOperator"),
        *("ExternalPythonOperator", "PythonVirtualenvOperator"),
    ),
    "is_venv_installed": f"{OWN}.small",
}
TRIGGER: Names = {"TriggerDagRunOperator": "operators.trigger"}
BRANCH = _same("operators.branch", "BaseBranchOperator", "BranchMixIn")
SKIP: Names = {"SkipMixin": "operators.branch"}
LATEST: Names = {"LatestOnlyOperator": "operators.time_branch"}
BRANCH_DAY: Names = {"BranchDayOfWeekOperator": "operators.time_branch"}
BRANCH_DATE: Names = {"BranchDateTimeOperator": "operators.time_branch"}
SUBDAG: Names = {"SubDagOperator": f"{OWN}.subdag"}
NOTEBOOK: Names = {"NotebookOperator": "operators.notebook"}

SENSOR_BASE = _same("sensors.base", "BaseSensorOperator", "PokeReturnValue")
EXTERNAL_SENSOR = _same("sensors.external", "ExternalTaskMarker", "ExternalTaskSensor")
PYTHON_SENSOR: Names = {"PythonSensor": "sensors.calls"}
BASH_SENSOR: Names = {"BashSensor": "sensors.calls"}
FILE_SENSOR: Names = {"FileSensor": "sensors.files"}
DATE_SENSOR = {"DateTimeSensor": "sensors.clock", "DateTimeSensorAsync": f"{OWN}.waiting"}
TIME_SENSOR = {"TimeSensor": "sensors.clock", "TimeSensorAsync": f"{OWN}.waiting"}
DELTA_SENSOR = {
    **_same("sensors.clock", "TimeDeltaSensor", "WaitSensor"),
    "TimeDeltaSensorAsync": f"{OWN}.waiting",
}
DAY_SENSOR: Names = {"DayOfWeekSensor": "sensors.clock"}
SQL_SENSOR: Names = {"SqlSensor": "sensors.sql"}
HTTP_SENSOR: Names = {"HttpSensor": "sensors.web"}
WEEKDAY: Names = {"WeekDay": "authoring.weekday"}

TIMETABLE_BASE = _same("timetables.base", "DagRunInfo", "DataInterval", "TimeRestriction", "Timetable")
CRON_INTERVALS = _same("timetables.interval", "CronDataIntervalTimetable", "DeltaDataIntervalTimetable")
CRON_TRIGGERS = _same(
    "timetables.trigger", "CronTriggerTimetable", "DeltaTriggerTimetable", "MultipleCronTriggerTimetable"
)
EVENTS: Names = {"EventsTimetable": "timetables.events"}
SIMPLE = _same("timetables.simple", "ContinuousTimetable", "NullTimetable", "OnceTimetable")
ASSET_OR_TIME: Names = {"AssetOrTimeSchedule": "timetables.assets"}

SDK: Names = (
    (DAG3 | DAG_FUNCTION3 | TASK_FUNCTIONS | BASE_OPERATOR | CHAINS | LABELS | GROUP | PARAMS | VARIABLE | CONNECTION)
    | (CONTEXT | CURRENT_CONTEXT | PARSING_CONTEXT | XCOM_ARG | TASK_INSTANCE | TRIGGER_RULE | WEIGHT_RULE | HOOK)
    | (CONF | NOTIFIER | ASSETS | ASSET_FUNCTION | METADATA | DEADLINES | DEADLINE_CALLBACKS | RETRIES | BRANCH | SKIP)
    | (SENSOR_BASE | CRON_INTERVALS | CRON_TRIGGERS | EVENTS | ASSET_OR_TIME)
    | _same(f"{OWN}.states", "DagRunState", "TaskInstanceState")
    | {"literal": "authoring.placeholders", "macros": "runner.macros:MACROS"}
)

MODULES: dict[str, Names] = {
    "airflow": {**DAG2, **DATASETS, **XCOM_ARG, "__version__": f"{OWN}.small:vocabulary"},
    "airflow.version": {"version": f"{OWN}.small:vocabulary"},
    # Airflow 3
    "airflow.sdk": SDK,
    "airflow.sdk.bases.operator": {**BASE_OPERATOR, **CHAINS},
    "airflow.sdk.bases.sensor": SENSOR_BASE,
    "airflow.sdk.bases.hook": HOOK,
    "airflow.sdk.bases.notifier": NOTIFIER,
    "airflow.sdk.bases.branch": BRANCH,
    "airflow.sdk.bases.skipmixin": SKIP,
    "airflow.sdk.configuration": CONF,
    "airflow.sdk.definitions.asset": {**ASSETS, **DATASETS},
    "airflow.sdk.definitions.asset.decorators": ASSET_FUNCTION,
    "airflow.sdk.definitions.asset.metadata": METADATA,
    "airflow.sdk.definitions.baseoperator": BASE_OPERATOR,
    "airflow.sdk.definitions.connection": CONNECTION,
    "airflow.sdk.definitions.context": {**CONTEXT, **CURRENT_CONTEXT, **PARSING_CONTEXT},
    "airflow.sdk.definitions.dag": {**DAG3, **DAG_FUNCTION3},
    "airflow.sdk.definitions.deadline": {**DEADLINES, **DEADLINE_CALLBACKS},
    "airflow.sdk.definitions.callback": DEADLINE_CALLBACKS,
    "airflow.sdk.definitions.decorators": {**DAG_FUNCTION3, **TASK_FUNCTIONS},
    "airflow.sdk.definitions.edges": LABELS,
    "airflow.sdk.definitions.param": PARAMS,
    "airflow.sdk.definitions.retry_policy": RETRIES,
    "airflow.sdk.definitions.taskgroup": GROUP,
    "airflow.sdk.definitions.template": {"literal": "authoring.placeholders"},
    "airflow.sdk.definitions.variable": VARIABLE,
    "airflow.sdk.definitions.xcom_arg": XCOM_ARG,
    "airflow.sdk.definitions.timetables.assets": ASSET_OR_TIME,
    "airflow.sdk.exceptions": EXCEPTIONS,
    "airflow.sdk.execution_time.macros": MACROS,
    "airflow.sdk.execution_time.task_runner": {"RuntimeTaskInstance": "runner.task_instance:TaskInstanceView"},
    "airflow.sdk.timezone": TIMEZONE,
    "airflow.sdk.types": {"RuntimeTaskInstanceProtocol": "runner.task_instance:TaskInstanceView"},
    "airflow.providers.standard.operators.bash": BASH,
    "airflow.providers.standard.operators.branch": BRANCH,
    "airflow.providers.standard.operators.datetime": BRANCH_DATE,
    "airflow.providers.standard.operators.empty": EMPTY,
    "airflow.providers.standard.operators.latest_only": LATEST,
    "airflow.providers.standard.operators.python": {**PYTHON, **CURRENT_CONTEXT},
    "airflow.providers.standard.operators.trigger_dagrun": TRIGGER,
    "airflow.providers.standard.operators.weekday": BRANCH_DAY,
    "airflow.providers.standard.sensors.bash": BASH_SENSOR,
    "airflow.providers.standard.sensors.date_time": DATE_SENSOR,
    "airflow.providers.standard.sensors.external_task": EXTERNAL_SENSOR,
    "airflow.providers.standard.sensors.filesystem": FILE_SENSOR,
    "airflow.providers.standard.sensors.python": PYTHON_SENSOR,
    "airflow.providers.standard.sensors.time": TIME_SENSOR,
    "airflow.providers.standard.sensors.time_delta": DELTA_SENSOR,
    "airflow.providers.standard.sensors.weekday": DAY_SENSOR,
    "airflow.providers.standard.utils.skipmixin": SKIP,
    "airflow.providers.standard.utils.weekday": WEEKDAY,
    # both
    "airflow.configuration": CONF,
    "airflow.exceptions": EXCEPTIONS,
    "airflow.macros": MACROS,
    "airflow.assets": {**ASSETS, **METADATA},
    "airflow.assets.metadata": METADATA,
    "airflow.notifications.basenotifier": NOTIFIER,
    "airflow.timetables.assets": ASSET_OR_TIME,
    "airflow.timetables.base": TIMETABLE_BASE,
    "airflow.timetables.datasets": {"DatasetOrTimeSchedule": f"{OWN}.small"},
    "airflow.timetables.events": EVENTS,
    "airflow.timetables.interval": CRON_INTERVALS,
    "airflow.timetables.simple": SIMPLE,
    "airflow.timetables.trigger": CRON_TRIGGERS,
    "airflow.providers.common.sql.sensors.sql": SQL_SENSOR,
    "airflow.providers.http.sensors.http": HTTP_SENSOR,
    "airflow.providers.papermill.operators.papermill": {"PapermillOperator": "operators.notebook:NotebookOperator"},
    "airflow.providers.smtp.notifications.smtp": _same("notifications.smtp", "SmtpNotifier", "send_smtp_notification"),
    "airflow.providers.slack.notifications.slack_webhook": {"SlackWebhookNotifier": "notifications.webhook"},
    # Airflow 2
    "airflow.datasets": DATASETS,
    "airflow.datasets.metadata": METADATA,
    "airflow.decorators": {**DAG_FUNCTION2, **TASK_FUNCTIONS},
    "airflow.decorators.task_group": {"task_group": "authoring.decorators"},
    "airflow.decorators.setup_teardown": _same("authoring.setup_teardown", "ContextWrapper", "context_wrapper"),
    "airflow.hooks.base": HOOK,
    "airflow.models": (
        (DAG2 | BASE_OPERATOR | VARIABLE | CONNECTION | PARAMS | XCOM_ARG | TASK_INSTANCE | DAG_RUN | SKIP) | XCOM_KEY
    ),
    "airflow.models.baseoperator": {**BASE_OPERATOR, **CHAINS},
    "airflow.models.connection": CONNECTION,
    "airflow.models.dag": {**DAG2, **DAG_FUNCTION2},
    "airflow.models.dagrun": DAG_RUN,
    "airflow.models.param": {**PARAMS, "DagParam": "authoring.placeholders"},
    "airflow.models.skipmixin": SKIP,
    "airflow.models.taskinstance": TASK_INSTANCE,
    "airflow.models.variable": VARIABLE,
    "airflow.models.xcom": XCOM_KEY,
    "airflow.models.xcom_arg": XCOM_ARG,
    "airflow.operators.bash": BASH,
    "airflow.operators.branch": BRANCH,
    "airflow.operators.dag_operator": {"DagOperator": "operators.master_dag"},
    "airflow.operators.datetime": BRANCH_DATE,
    "airflow.operators.dummy": DUMMY,
    "airflow.operators.empty": EMPTY,
    "airflow.operators.latest_only": LATEST,
    "airflow.operators.python": {**PYTHON, **CURRENT_CONTEXT, "task": "authoring.decorators"},
    "airflow.operators.subdag": SUBDAG,
    "airflow.operators.trigger_dagrun": TRIGGER,
    "airflow.operators.weekday": BRANCH_DAY,
    "airflow.sensors.base": SENSOR_BASE,
    "airflow.sensors.bash": BASH_SENSOR,
    "airflow.sensors.date_time": DATE_SENSOR,
    "airflow.sensors.external_task": EXTERNAL_SENSOR,
    "airflow.sensors.filesystem": FILE_SENSOR,
    "airflow.sensors.python": PYTHON_SENSOR,
    "airflow.sensors.sql": SQL_SENSOR,
    "airflow.sensors.time_delta": DELTA_SENSOR,
    "airflow.sensors.time_sensor": TIME_SENSOR,
    "airflow.sensors.weekday": DAY_SENSOR,
    "airflow.utils.context": CONTEXT,
    "airflow.utils.dag_parsing_context": PARSING_CONTEXT,
    "airflow.utils.dates": {"days_ago": "utils.dates"},
    "airflow.utils.decorators": {"apply_defaults": f"{OWN}.small"},
    "airflow.utils.edgemodifier": LABELS,
    "airflow.utils.helpers": {**_same("authoring.dependencies", "chain", "cross_downstream")},
    "airflow.utils.log.logging_mixin": {"LoggingMixin": f"{OWN}.small"},
    "airflow.utils.setup_teardown": {"SetupTeardownContext": "authoring.setup_teardown"},
    "airflow.utils.state": STATES,
    "airflow.utils.task_group": GROUP,
    "airflow.utils.template": {"literal": "authoring.placeholders"},
    "airflow.utils.timezone": TIMEZONE,
    "airflow.utils.trigger_rule": TRIGGER_RULE,
    "airflow.utils.types": {"DagRunType": f"{OWN}.states"},
    "airflow.utils.weekday": WEEKDAY,
    "airflow.utils.weight_rule": WEIGHT_RULE,
    "airflow.utils.xcom": XCOM_KEY,
    # Airflow 1.10, and what older documents teach
    "airflow.contrib.operators.branch_python_operator": {"BaseBranchOperator": "operators.branch"},
    "airflow.contrib.sensors.bash_sensor": BASH_SENSOR,
    "airflow.contrib.sensors.file_sensor": FILE_SENSOR,
    "airflow.contrib.sensors.python_sensor": PYTHON_SENSOR,
    "airflow.contrib.sensors.weekday_sensor": DAY_SENSOR,
    "airflow.contrib.utils.weekday": WEEKDAY,
    "airflow.hooks.base_hook": HOOK,
    "airflow.operators": {**BASH, **DUMMY, **EMPTY, **PYTHON, **SUBDAG, **TRIGGER, **LATEST, **SENSOR_BASE},
    "airflow.operators.bash_operator": BASH,
    "airflow.operators.branch_operator": BRANCH,
    "airflow.operators.dagrun_operator": TRIGGER,
    "airflow.operators.dummy_operator": {**DUMMY, **EMPTY},
    "airflow.operators.latest_only_operator": LATEST,
    "airflow.operators.papermill_operator": {"PapermillOperator": "operators.notebook:NotebookOperator"},
    "airflow.operators.python_operator": PYTHON,
    "airflow.operators.sensors": SENSOR_BASE,
    "airflow.operators.subdag_operator": SUBDAG,
    "airflow.sensors.base_sensor_operator": SENSOR_BASE,
    "airflow.sensors.date_time_sensor": DATE_SENSOR,
    "airflow.sensors.external_task_sensor": EXTERNAL_SENSOR,
    "airflow.sensors.http_sensor": HTTP_SENSOR,
    "airflow.sensors.sql_sensor": SQL_SENSOR,
    "airflow.sensors.time_delta_sensor": DELTA_SENSOR,
    "airflow.sensors.weekday_sensor": DAY_SENSOR,
}
ANYWHERE_BENEATH: dict[str, Names] = {
    "airflow.providers.alibaba": {"DMSNotebookOperator": "operators.notebook:NotebookOperator"},
    "airflow.providers.alibaba_dms": {"DMSNotebookOperator": "operators.notebook:NotebookOperator"},
}
"""A package -> names that any module beneath it has: its layout is not public."""
