-- wrk's script: each request is another message, signed and encrypted before the run; two files of lines in step.
local queries, bodies, n = {}, {}, 0
for line in io.lines(os.getenv("BENCH_CALLBACKS")) do
  n = n + 1
  queries[n], bodies[n] = line:match("^([^\t]*)\t(.*)$")
end
local at = tonumber(os.getenv("BENCH_START"))

function request()
  at = at % n + 1
  return "POST " .. queries[at] .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Mozilla/4.0\r\nAccept: */*\r\nContent-Type: text/xml\r\n" ..
    "Content-Length: " .. #bodies[at] .. "\r\n\r\n" .. bodies[at]
end
function done(summary, latency)
  io.write(string.format('{"requests": %d, "seconds": %f, "refused": %d, "failed": %d, "p50_ms": %f, "p99_ms": %f}\n', summary.requests,
    summary.duration / 1e6, summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
