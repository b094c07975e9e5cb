#!/usr/bin/env bash
# Guess:    a reader of workbooks returns the cells that are in the file.
# Seen:     openpyxl in read-only mode believes the size that the sheet states of itself (<dimension>): with
#           "A1" it returns one cell of four, and no error. Read whole, the four are there; so they are after
#           reset_dimensions(). Programs that write a sheet as a stream state a size they do not know yet.
# Matters:  of a list of 500,000 numbers one is called, and nothing says that the others were left out.
# Versions: openpyxl 3.1.5.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check openpyxl==3.1.5
cat >try.py <<'PY'
import zipfile

from openpyxl import Workbook, load_workbook

book = Workbook()
for row in (["Phone", "Order"], ["918867135001", "7"]):
    book.active.append(row)
book.save("whole.xlsx")
with zipfile.ZipFile("whole.xlsx") as whole, zipfile.ZipFile("said.xlsx", "w") as said:
    for name in whole.namelist():
        said.writestr(name, whole.read(name).replace(b'ref="A1:B2"', b'ref="A1"'))
sheet = load_workbook("said.xlsx", read_only=True).active
print("read-only", list(sheet.values))
sheet.reset_dimensions()
print("after reset_dimensions", list(sheet.values))
print("whole", list(load_workbook("said.xlsx").active.values))
PY
seen=$(venv/bin/python try.py)
expected=$(cat <<'END'
read-only [('Phone',)]
after reset_dimensions [('Phone', 'Order'), ('918867135001', '7')]
whole [('Phone', 'Order'), ('918867135001', '7')]
END
)
diff <(echo "$expected") <(echo "$seen") || { echo "changed: which cells are read" >&2; exit 1; }
echo "$seen"
