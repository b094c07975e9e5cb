#!/usr/bin/env bash
# Guess:    with peewee `column in (a, b)` tells whether a column is one of those that are named, as `in`
#           does with anything else in Python: a query that joins a table only `if Author in columns`
#           joins it only then.
# Seen:     it is true of any column, and of any model, in any tuple that is not empty: `in` compares by `==`,
#           which columns answer with a condition for SQL, and a condition is true.
# Matters:  nothing fails and every result is right, so no test sees it; but each such query joins a table
#           that it does not need, row by row. `any(one is column for one in columns)` tells.
# Versions: peewee 4.5.3.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check peewee==4.5.3

cat >try.py <<'PY'
from peewee import ForeignKeyField, Model, SqliteDatabase, TextField

database = SqliteDatabase(":memory:")


class Author(Model):
    name = TextField()

    class Meta:
        database = database


class Book(Model):
    title = TextField()
    author = ForeignKeyField(Author)

    class Meta:
        database = database


def asked(*columns):
    query = Book.select(*columns)
    return query.join(Author) if Author in columns else query


print("another column is one of them:", Book.author in (Book.title,))
print("a model is one of them:", Author in (Book.title,))
print("it is in none at all:", Author in ())
print("the table is joined for a title alone:", "JOIN" in asked(Book.title).sql()[0])
print("is it, by identity:", any(one is Author for one in (Book.title,)))
PY
seen=$(venv/bin/python try.py)
expected=$(cat <<'END'
another column is one of them: True
a model is one of them: True
it is in none at all: False
the table is joined for a title alone: True
is it, by identity: False
END
)
diff <(echo "$expected") <(echo "$seen") || { echo "changed: what peewee's columns are found in" >&2; exit 1; }
echo "$seen"
