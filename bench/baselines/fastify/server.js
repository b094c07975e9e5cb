// A baseline: Fastify and better-sqlite3, one durable transaction for each report.
//
// It writes into the product's own tables what the obvious receiver in Python writes: the raw
// request, an event, and the call's new status, all committed before the answer.
import { randomFillSync, timingSafeEqual } from "node:crypto";
import Database from "better-sqlite3";
import Fastify from "fastify";

const env = process.env;
const STATUSES = {
  ANSWER: "completed",
  BUSY: "busy",
  NOANSWER: "no-answer",
  CANCEL: "canceled",
  CONGESTION: "failed",
  CHANUNAVAIL: "failed",
};

const db = new Database(env.OBDTRACK_DATABASE_URL.replace("sqlite:///", ""));
db.pragma("journal_mode = wal");
db.pragma("synchronous = full");
db.pragma("foreign_keys = on");
db.pragma("cache_size = -32768");
db.pragma("temp_store = memory");

const findCall = db.prepare("SELECT id FROM calls WHERE mid = ? AND to_number = ?");
const addDelivery = db.prepare(
  `INSERT INTO deliveries (id, received_at, method, query, headers, content_type, body, outcome,
    call_id, mid) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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

const random = Buffer.alloc(4096);
let used = random.length;

function uuid7() {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  const id = Buffer.from(random.subarray(used, used + 16));
  used += 16;
  id.writeUIntBE(Date.now(), 0, 6);
  id[6] = (id[6] & 0x0f) | 0x70;
  id[8] = (id[8] & 0x3f) | 0x80;
  return id;
}

const microseconds = (text) => Date.parse(`${text.replace(" ", "T")}Z`) * 1000;

const store = db.transaction((request, body, report) => {
  const now = Date.now() * 1000;
  const call = findCall.get(report.mid, `+${report.to}`);
  const delivery = uuid7();
  const headers = JSON.stringify({ "user-agent": request.headers["user-agent"] });
  const outcome = call ? "matched" : "unmatched";
  addDelivery.run(
    delivery, now, request.method, "", headers, request.headers["content-type"], body, outcome,
    call?.id ?? null, call ? null : report.mid,
  );
  if (!call) return;
  const status = STATUSES[report.status];
  const ended = microseconds(report.end_at);
  addEvent.run(call.id, uuid7(), status, ended, now, delivery, JSON.stringify(report));
  setState.run(
    status, ended, status === "completed" ? 1 : 0, microseconds(report.start_at), ended,
    Number(report.duration), call.id,
  );
});

const expected = Buffer.from(`Bearer ${env.OBDTRACK_WEBHOOK_SECRETS}`);

function isTrusted(header) {
  const given = Buffer.from(header ?? "");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

const app = Fastify({ logger: false });
app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_, body, done) => {
  done(null, body);
});
app.get("/livez", () => "ok");
app.post("/webhooks/mobtexting", (request, reply) => {
  if (!isTrusted(request.headers.authorization)) return reply.code(401).send({ status: "no" });
  store.immediate(request, request.body, JSON.parse(request.body));
  return reply.send({ status: "ok" });
});
process.on("SIGTERM", () => app.close().then(() => process.exit(0)));
await app.listen({ host: "127.0.0.1", port: Number(env.OBDTRACK_PORT) });
