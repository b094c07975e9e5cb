-- For wrk: sends one request again and again, each time with the number of another call in it.
-- Arguments: file of the template, first number, count of numbers, stride by which they are taken.
-- BENCH_PORTS names a port for each of wrk's threads, which has a count of its own.
local threads, ports = {}, {}
for port in os.getenv("BENCH_PORTS"):gmatch("%d+") do table.insert(ports, port) end
sent = -1

function setup(thread)
  table.insert(threads, thread)
  thread.addr = wrk.lookup("127.0.0.1", ports[#threads])[1]
  thread:set("place", #threads - 1)
end

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  template = file:read("*a")
  file:close()
  count, stride = tonumber(arguments[3]), tonumber(arguments[4])
  first = tonumber(arguments[2]) + place * count
  if place > 0 then sent = 0 end -- wrk asks the first once before it begins, sending nothing
end

function request()
  sent = sent + 1
  local n = first + (sent - 1) * stride % count
  return (template:gsub("{(%d+)}", function(digits)
    return ("%0" .. digits .. "d"):format(n % 10 ^ tonumber(digits))
  end))
end

function done(summary, latency)
  local sent = 0
  for _, thread in ipairs(threads) do sent = sent + thread:get("sent") end
  io.write(('{"sent": %d, "answered": %d, "refused": %d, "rate": %f, "p50 ms": %f, "p99 ms": %f}')
    :format(sent, summary.requests, summary.errors.status, summary.requests / summary.duration * 1e6,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
