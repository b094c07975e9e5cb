#!/usr/bin/env bash
# Guess:    a whole number in a cell of a workbook comes out of any reader with the digits that it was saved with,
#           or, if it is too long for that, as an error.
# Seen:     of a reference number of 19 digits, a Python int, openpyxl stores 9.188671350011234e+18. Where the file
#           has all 19, openpyxl returns them; calamine returns the nearest float, whose digits differ from the
#           seventeenth on. A number of 12 digits, as a phone number has, is a float of calamine's too:
#           918867135001.0. Nobody raises or warns.
# Matters:  an order number that is joined with another system's by its text is nobody's, or somebody else's, and a
#           number to call gets a fraction.
# Versions: python-calamine 0.9.1, openpyxl 3.1.5.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check python-calamine==0.9.1 openpyxl==3.1.5
cat >try.py <<'PY'
import re
import zipfile

from openpyxl import Workbook, load_workbook
from python_calamine import CalamineWorkbook

book = Workbook()
book.active.append([918867135001, 9188671350011234567])
book.save("saved.xlsx")
with zipfile.ZipFile("saved.xlsx") as saved, zipfile.ZipFile("numbers.xlsx", "w") as whole:
    sheet = saved.read("xl/worksheets/sheet1.xml").decode()
    print("openpyxl stores", *re.findall("<v>(.*?)</v>", sheet))
    for name in saved.namelist():
        part = saved.read(name)
        whole.writestr(name, part.replace(b"9.188671350011234e+18", b"9188671350011234567"))
(row,) = load_workbook("numbers.xlsx", read_only=True).active.values
print("openpyxl reads", *map(repr, row))
((short, long),) = CalamineWorkbook.from_path("numbers.xlsx").get_sheet_by_index(0).to_python()
print("calamine reads", repr(short), repr(long), f"{long:.0f}")
PY
seen=$(venv/bin/python try.py)
expected=$(cat <<'END'
openpyxl stores 918867135001 9.188671350011234e+18
openpyxl reads 918867135001 9188671350011234567
calamine reads 918867135001.0 9.188671350011234e+18 9188671350011234304
END
)
diff <(echo "$expected") <(echo "$seen") || { echo "changed: what readers make of whole numbers" >&2; exit 1; }
echo "$seen"
