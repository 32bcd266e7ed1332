"""A small ETL: bash exports the shop's orders, Python loads them into SQLite, SQL adds them up, a notebook reports.

No line of shell is ever built from a parameter: values reach the script as environment variables, always quoted.
"""

import csv
import os
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

from jupyter_flow import DAG, BashOperator, NotebookOperator, Param, task

# The shop's nightly export: 200 orders, the same for the same day. The last line of the output becomes the XCom.
EXPORT = r"""
set -eu
export LC_ALL=C
mkdir -p "$FOLDER"
awk -v day="$DAY" -v orders="$ORDERS" 'BEGIN {
  seed = day; gsub("-", "", seed); state = seed % 65536
  split("tea coffee cocoa", goods, " ")
  print "order_id,day,product,quantity,unit_price"
  for (number = 1; number <= orders; number++) {
    state = (state * 1103 + 12345) % 65536; product = int(state / 64) % 3 + 1
    state = (state * 1103 + 12345) % 65536; quantity = int(state / 64) % 5 + 1
    printf "%d,%s,%s,%d,%.2f\n", number, day, goods[product], quantity, 2 + product * 1.25
  }
}' > "$FOLDER/orders.csv"
echo "$FOLDER/orders.csv"
"""

with DAG(
    dag_id="etl",
    description="Orders of a day from a CSV export to a report",
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    params={"orders": Param(200, type="integer", minimum=1, maximum=100_000, description="Orders of the day")},
    tags=["example"],
    doc_md=__doc__,
) as dag:
    extract = BashOperator(
        task_id="extract",
        bash_command=EXPORT,
        env={"DAY": "{{ ds }}", "ORDERS": "{{ params.orders }}", "FOLDER": "data/{{ run_id }}"},
        append_env=True,  # beside PATH and the rest, not instead of them
    )

    @task
    def load(export: str) -> str:
        """Load the export into a database of the run. Loading twice gives the same rows."""
        database = str(Path(export).with_name("orders.db"))
        with open(export, newline="") as file:
            rows = list(csv.DictReader(file))
        connection = sqlite3.connect(database)
        with connection:
            connection.execute("DROP TABLE IF EXISTS orders")
            connection.execute(
                "CREATE TABLE orders (order_id INTEGER PRIMARY KEY, day TEXT NOT NULL, product TEXT NOT NULL,"
                " quantity INTEGER NOT NULL CHECK (quantity > 0), unit_price REAL NOT NULL)"
            )
            connection.executemany("INSERT INTO orders VALUES (:order_id, :day, :product, :quantity, :unit_price)", rows)
        connection.close()
        print(f"{len(rows)} orders, {os.path.getsize(database)} bytes in {database}")
        return database

    @task
    def transform(database: str) -> str:
        """Add up revenue by product and day."""
        connection = sqlite3.connect(database)
        with connection:
            connection.execute("DROP TABLE IF EXISTS revenue")
            connection.execute(
                "CREATE TABLE revenue AS SELECT day, product, COUNT(*) AS orders, SUM(quantity) AS pieces,"
                " ROUND(SUM(quantity * unit_price), 2) AS revenue FROM orders GROUP BY day, product"
            )
        connection.close()
        return database

    database = transform(load(extract.output))
    report = NotebookOperator(
        task_id="report",
        notebook="report.ipynb",
        parameters={"database": "{{ ti.xcom_pull(task_ids='transform') }}", "day": "{{ ds }}"},
    )
    database >> report
