#include <benchmark/benchmark.h>

#include <string_view>

#include "http/head_parser.hpp"
#include "http/rewrite.hpp"

// What a message's head costs: finding its end, taking it apart, changing it.
namespace {

constexpr std::string_view kRequest =
    "GET /e/17 HTTP/1.1\r\nHost: bench.example\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0\r\n"
    "Accept: text/event-stream\r\nAccept-Language: en-GB,en;q=0.9\r\nCache-Control: no-cache\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef\r\n\r\n";
constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Sat, 21 Nov 2026 00:00:00 GMT\r\nContent-Type: text/event-stream\r\n"
    "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";

void find_head_end(benchmark::State& state) {
  for (auto _ : state) {
    sidecar::http::HeadSearch search;
    benchmark::DoNotOptimize(search.find(kRequest).size);
  }
}
BENCHMARK(find_head_end);

void parse_request(benchmark::State& state) {
  sidecar::http::HeadScratch scratch;
  for (auto _ : state) {
    sidecar::http::RequestHead head;
    if (sidecar::http::parse_request_head(kRequest, {}, scratch, head)) state.SkipWithError("refused");
    benchmark::DoNotOptimize(head.fields.size());
  }
}
BENCHMARK(parse_request);

void parse_response(benchmark::State& state) {
  sidecar::http::HeadScratch scratch;
  for (auto _ : state) {
    sidecar::http::ResponseHead head;
    if (sidecar::http::parse_response_head(kResponse, {}, scratch, head)) state.SkipWithError("refused");
    benchmark::DoNotOptimize(head.fields.size());
  }
}
BENCHMARK(parse_response);

void rewrite_request(benchmark::State& state) {
  sidecar::http::HeadScratch scratch;
  sidecar::http::RequestHead head;
  if (sidecar::http::parse_request_head(kRequest, {}, scratch, head)) state.SkipWithError("refused");
  for (auto _ : state) {
    sidecar::http::RequestHead out;
    sidecar::http::rewrite_request(head, {}, scratch, out);
    benchmark::DoNotOptimize(out.fields.size());
  }
}
BENCHMARK(rewrite_request);

}  // namespace
