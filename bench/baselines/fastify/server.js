// Fastify and better-sqlite3, one durable transaction for each report: what flask_peewee.py does.
import { randomBytes } from "node:crypto";
import Database from "better-sqlite3";
import Fastify from "fastify";

const STATUSES = { ANSWER: "completed", BUSY: "busy", NOANSWER: "no-answer", CANCEL: "canceled" };
const env = process.env;
const db = new Database(env.OBDTRACK_DATABASE_URL.replace("sqlite:///", ""));
db.exec("PRAGMA journal_mode = wal; PRAGMA synchronous = full; PRAGMA foreign_keys = on");
db.pragma("cache_size = -32768");

const findCall = db.prepare("SELECT id FROM calls WHERE mid = ? AND to_number = ?");
const addDelivery = db.prepare(
  `INSERT INTO deliveries (id, received_at, method, query, headers, content_type, body, outcome,
    call_id, mid) VALUES (?, ?, ?, '', ?, ?, ?, ?, ?, ?)`,
);
const addEvent = db.prepare(
  `INSERT INTO events (call_id, id, kind, source, status, occurred_at, recorded_at, delivery_id,
    detail, times_seen) VALUES (?, ?, 'report', 'webhook', ?, ?, ?, ?, ?, 1)`,
);
const setState = db.prepare(
  `UPDATE calls SET status = ?, status_source = 'webhook', status_as_of = ?, answered = ?,
    started_at = ?, ended_at = ?, duration_seconds = ?, attempt_count = attempt_count + 1
    WHERE id = ?`,
);

function uuid7() {
  const id = randomBytes(16);
  id.writeUIntBE(Date.now(), 0, 6);
  id[6] = (id[6] & 0x0f) | 0x70;
  id[8] = (id[8] & 0x3f) | 0x80;
  return id;
}
const microseconds = (text) => Date.parse(`${text.replace(" ", "T")}Z`) * 1000;

const store = db.transaction(({ method, headers, body }) => {
  const [now, delivery, report] = [Date.now() * 1000, uuid7(), JSON.parse(body)];
  const call = findCall.get(report.mid, `+${report.to}`);
  addDelivery.run(
    delivery, now, method, JSON.stringify({ "user-agent": headers["user-agent"] }),
    headers["content-type"], body, call ? "matched" : "unmatched", call?.id, call ? null : report.mid,
  );
  if (!call) return;
  const [start, end] = [microseconds(report.start_at), microseconds(report.end_at)];
  const [status, answered] = [STATUSES[report.status] ?? "failed", Number(report.status === "ANSWER")];
  addEvent.run(call.id, uuid7(), status, end, now, delivery, JSON.stringify(report));
  setState.run(status, end, answered, start, end, Number(report.duration), call.id);
});

const app = Fastify();
app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_, body, done) => done(null, body));
app.get("/livez", () => "ok");
app.post("/webhooks/mobtexting", (request, reply) => {
  const trusted = request.headers.authorization === `Bearer ${env.OBDTRACK_WEBHOOK_SECRETS}`;
  if (!trusted) return reply.code(401).send({ status: "unauthorized" });
  store.immediate(request);
  return { status: "ok" };
});
process.on("SIGTERM", () => app.close().then(() => process.exit(0)));
await app.listen({ host: "127.0.0.1", port: Number(env.OBDTRACK_PORT) });
