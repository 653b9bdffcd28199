#include "observe/worker_observer.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "channels.hpp"
#include "json.hpp"

namespace sidecar::observe {
namespace {

using exchange::Counted;
using exchange::LifecycleEvent;
using exchange::LifecycleRecord;

LifecycleRecord record(LifecycleEvent event, std::string_view target = "/", int status = 200) {
  LifecycleRecord made;
  made.event = event;
  made.target = target;
  made.status = status;
  return made;
}

struct WorkerObserverTest : testing::Test {
  std::vector<std::string> lines() {
    log.shutdown();
    return test::split_lines(test::contents(file));
  }

  test::Fd file = test::make_file();
  Log log{{.descriptor = file.get()}};
  WorkerObserver observer{log, std::make_shared<QueryRedactor>(std::vector<std::string>{"token"})};
};

CounterTotals totals_of(const WorkerObserver& observer) {
  const Counters* const workers[] = {&observer.counters()};
  return sum(workers, 0);
}

TEST_F(WorkerObserverTest, WritesAndCountsRecords) {
  observer.on_record(record(LifecycleEvent::stream_open, "/a?token=s3cret&x=1"));
  observer.on_record(record(LifecycleEvent::request, "/b", 404));
  const std::vector<std::string> written = lines();
  ASSERT_EQ(written.size(), 2u);
  const boost::json::object open = test::parse_line(written[0]);
  EXPECT_EQ(open.at("event").as_string(), "stream_open");
  EXPECT_EQ(open.at("path").as_string(), "/a?token=REDACTED&x=1");
  EXPECT_TRUE(std::regex_match(std::string(open.at("ts").as_string()),
                               std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)")));
  EXPECT_EQ(test::parse_line(written[1]).at("path").as_string(), "/b");  // nothing left over from the first
  EXPECT_EQ(totals_of(observer).streams_active(), 1u);
  EXPECT_EQ(totals_of(observer).requests[4], 1u);
}

TEST_F(WorkerObserverTest, HeartbeatsAreCountedAlsoWhenNotLogged) {
  observer.on_record(record(LifecycleEvent::heartbeat));
  log.set_level(Level::debug);
  observer.on_record(record(LifecycleEvent::heartbeat));
  const std::vector<std::string> written = lines();
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(test::parse_line(written[0]).at("level").as_string(), "debug");
  EXPECT_EQ(totals_of(observer).heartbeats, 2u);
}

TEST_F(WorkerObserverTest, CountsWithoutARecord) {
  observer.on_counted(Counted::heartbeat_deferred_blocked, 3);
  observer.on_counted(Counted::heartbeat_deferred_blocked, 1);
  EXPECT_EQ(totals_of(observer).times(Counted::heartbeat_deferred_blocked), 4u);
  EXPECT_EQ(totals_of(observer).times(Counted::heartbeat_deferred_mid_line), 0u);
  EXPECT_TRUE(lines().empty());
}

TEST_F(WorkerObserverTest, AReloadBringsOtherSecrets) {
  observer.set_redactor(std::make_shared<QueryRedactor>(std::vector<std::string>{"sig"}));
  observer.on_record(record(LifecycleEvent::request, "/a?sig=abc"));
  const std::vector<std::string> written = lines();
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(test::parse_line(written[0]).at("path").as_string(), "/a?sig=REDACTED");
}

}  // namespace
}  // namespace sidecar::observe
