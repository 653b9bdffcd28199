#include "cli/options.hpp"

#include <cstdlib>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/file_text.hpp"
#include "config/load.hpp"
#include "config/print.hpp"
#include "config/words.hpp"
#include "net/tls_context.hpp"

namespace sidecar::cli {
namespace {

constexpr std::string_view kVersion = "sse-sidecar " SIDECAR_VERSION "\n";
constexpr std::string_view kHealthcheck = "healthcheck";
constexpr std::string_view kHint = "sse-sidecar --help lists the options\n";

/// An option with a value, its environment twin, and what they said.
struct ValueOption {
  const char* names;
  const char* value;
  const char* help;
  std::vector<std::string> given;

  [[nodiscard]] std::string option() const {
    const std::string_view all = names;
    return std::string(all.substr(all.rfind("--")));
  }

  [[nodiscard]] std::string variable() const {
    std::string name = "SSE_SIDECAR_";
    for (const char c : option().substr(2)) name += c == '-' ? '_' : static_cast<char>(std::toupper(c));
    return name;
  }
};

struct CommandLine {
  ValueOption config{"-c,--config", "FILE", "configuration (YAML)", {}};
  ValueOption listen{"--listen",
                     "ADDR",
                     "host:port, :port, [v6]:port or unix:/path; repeatable; instead of the listeners of the file "
                     "(default 0.0.0.0:8080)",
                     {}};
  ValueOption tls_listen{
      "--tls-listen", "ADDR", "the same for TLS; repeatable; instead of the listeners of the file", {}};
  ValueOption tls_certificate{"--tls-certificate",
                              "FILE",
                              "of --tls-listen, with its chain (PEM); repeatable, the name that a client asks for "
                              "chooses",
                              {}};
  ValueOption tls_key{"--tls-key", "FILE", "the certificate's private key (PEM); as often, in the same order", {}};
  ValueOption http2{"--http2",
                    "MODE",
                    "downgrade: clients that could speak HTTP/2 are moved to HTTP/1.1; translate: it ends here "
                    "(default downgrade)",
                    {}};
  ValueOption upstream{
      "--upstream",
      "URL",
      "http://host:port, https://host:port or unix:/path; the upstream 'default', and all requests go there unless the "
      "file has routes",
      {}};
  ValueOption heartbeat_interval{"--heartbeat-interval",
                                 "D|off",
                                 "silence of an event stream after which a heartbeat is sent; a route that says its "
                                 "own keeps it (default 15s)",
                                 {}};
  ValueOption early_open{"--early-open",
                         "D|off",
                         "time after which the client of an event stream gets its head although the backend is slow; a "
                         "route that says its own keeps it (default off)",
                         {}};
  ValueOption response_timeout{
      "--response-timeout", "D|off", "time that every upstream has for the head of its response (default off)", {}};
  ValueOption workers{"--workers", "N|auto", "threads; auto: one a processor (default 1)", {}};
  ValueOption admin{"--admin",
                    "ADDR|off",
                    "where /livez and /readyz are answered: host:port, :port, [v6]:port or unix:/path (default "
                    "127.0.0.1:9901)",
                    {}};
  ValueOption log_level{"--log-level", "L", "trace debug info warn error off (default info)", {}};
  ValueOption log_format{"--log-format", "F", "auto json text (auto: text on a terminal, JSON otherwise)", {}};
  bool check = false;
  bool print_config = false;

  [[nodiscard]] std::vector<ValueOption*> values() {
    return {&config,  &listen,   &tls_listen,         &tls_certificate, &tls_key,
            &http2,   &upstream, &heartbeat_interval, &early_open,      &response_timeout,
            &workers, &admin,    &log_level,          &log_format};
  }
  [[nodiscard]] bool is_list(const ValueOption& option) const {
    return &option == &listen || &option == &tls_listen || &option == &tls_certificate || &option == &tls_key;
  }
  /// What `healthcheck` takes.
  [[nodiscard]] std::vector<ValueOption*> health_values() { return {&config, &admin}; }
};

void declare_values(CLI::App& app, const std::vector<ValueOption*>& options) {
  for (ValueOption* const option : options) {
    CLI::Option* const declared =
        app.add_option(option->names, option->given, std::string(option->help) + " [" + option->variable() + "]");
    declared->type_name(option->value);
    declared->expected(1);
    declared->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);  // refused below where one is all
    declared->allow_extra_args(false);
  }
}

void declare(CLI::App& app, CommandLine& line) {
  app.set_help_flag("-h,--help", "this text");
  app.set_version_flag("--version", std::string(kVersion.substr(0, kVersion.size() - 1)), "the version");
  declare_values(app, line.values());
  app.add_flag("--check", line.check, "print every problem of the configuration and leave");
  app.add_flag("--print-config", line.print_config, "print the effective configuration as YAML and leave");
  app.footer("An option beats its environment variable (in brackets), which beats the file, which beats the defaults.");
}

void declare_healthcheck(CLI::App& app, CommandLine& line) {
  CLI::App* const health = app.add_subcommand(
      std::string(kHealthcheck),
      "ask a running sse-sidecar, found by the same file and environment, whether it is ready: 0 when it is, 1 "
      "otherwise, within 2 seconds");
  declare_values(*health, line.health_values());
}

bool is_healthcheck(const CLI::App& app) {
  return app.got_subcommand(std::string(kHealthcheck));
}

Invocation failed(std::string err, int exit_code = kExitUsage) {
  Invocation invocation;
  invocation.err = std::move(err);
  invocation.exit_code = exit_code;
  return invocation;
}

int exit_code_of_misuse(const CLI::App& app) {
  return is_healthcheck(app) ? kExitUnhealthy : kExitUsage;
}

Invocation said(Invocation::Action action, std::string out) {
  Invocation invocation;
  invocation.action = action;
  invocation.out = std::move(out);
  return invocation;
}

/// `--hearbeat: unknown option (did you mean '--heartbeat-interval'?)` for each of them.
std::string unknown_options(const CLI::App& app, CommandLine& line) {
  const bool health = is_healthcheck(app);
  std::vector<std::string> names{"--help"};
  if (!health) names.insert(names.end(), {"--check", "--print-config", "--version"});
  for (const ValueOption* const option : health ? line.health_values() : line.values())
    names.push_back(option->option());
  const std::vector<std::string_view> known(names.begin(), names.end());
  std::string err;
  for (const std::string& extra : app.remaining(true)) {
    const std::string name = extra.substr(0, extra.find('='));
    const bool option = name.starts_with('-');
    err += (config::has_control(name) || !option ? config::in_quotes(name) : name) +
           (option ? ": unknown option" + config::did_you_mean(name, known) : ": is no option") + "\n";
  }
  return err + std::string(kHint);
}

/// One line for each option that was given more often than it can be.
std::string repeated_options(CommandLine& line) {
  std::string err;
  for (const ValueOption* const option : line.values()) {
    if (line.is_list(*option) || option->given.size() < 2) continue;
    err += option->option() + ": given " + std::to_string(option->given.size()) + " times\n";
  }
  return err;
}

std::vector<config::Override> split_list(std::string_view text, const std::string& origin) {
  std::vector<config::Override> parts;
  while (true) {
    std::string_view part = text.substr(0, text.find(','));
    const std::size_t first = part.find_first_not_of(" \t");
    const bool last = part.size() == text.size();
    if (!last) text.remove_prefix(part.size() + 1);
    part = first == std::string_view::npos ? std::string_view()
                                           : part.substr(first, part.find_last_not_of(" \t") + 1 - first);
    parts.push_back({std::string(part), origin});
    if (last) return parts;
  }
}

/// What the option said, otherwise its environment twin, otherwise nothing.
std::vector<config::Override> resolve_list(const ValueOption& option, const config::EnvironmentLookup& environment) {
  std::vector<config::Override> values;
  for (const std::string& given : option.given) values.push_back({given, option.option()});
  if (!values.empty()) return values;
  const auto variable = environment(option.variable());
  if (!variable || variable->empty()) return values;
  return split_list(*variable, option.variable());
}

std::optional<config::Override> resolve(const ValueOption& option, const config::EnvironmentLookup& environment) {
  if (!option.given.empty()) return config::Override{option.given.front(), option.option()};
  const auto variable = environment(option.variable());
  if (!variable || variable->empty()) return std::nullopt;
  return config::Override{*variable, option.variable()};
}

using File = std::variant<std::optional<config::FileText>, config::Problem>;

/// The file that option or environment name; nullopt: none.
File named_file(const CommandLine& line, const config::EnvironmentLookup& environment) {
  const auto path = resolve(line.config, environment);
  if (!path) return std::optional<config::FileText>();
  auto read = read_file(path->value);
  if (auto* const problem = std::get_if<config::Problem>(&read)) return std::move(*problem);
  return std::optional(std::get<config::FileText>(std::move(read)));
}

std::string lines_of(const config::Problems& problems) {
  std::string lines;
  for (const config::Problem& problem : problems) lines += to_string(problem) + "\n";
  return lines;
}

Invocation load_and_ask(const CommandLine& line, const config::EnvironmentLookup& environment) {
  const auto override = resolve(line.admin, environment);
  File file;
  if (!override) file = named_file(line, environment);
  if (const auto* const problem = std::get_if<config::Problem>(&file))
    return failed(to_string(*problem) + "\n", kExitUnhealthy);
  config::AdminResult loaded =
      config::load_admin(std::get<std::optional<config::FileText>>(file), override, environment);
  if (!loaded.admin) return failed(lines_of(loaded.problems), kExitUnhealthy);
  Invocation invocation = said(Invocation::Action::healthcheck, {});
  invocation.config.admin = std::move(*loaded.admin);
  return invocation;
}

Invocation load_and_act(const CommandLine& line, const config::EnvironmentLookup& environment) {
  config::Overrides overrides;
  overrides.listen = resolve_list(line.listen, environment);
  overrides.tls_listen = resolve_list(line.tls_listen, environment);
  overrides.tls_certificate = resolve_list(line.tls_certificate, environment);
  overrides.tls_key = resolve_list(line.tls_key, environment);
  overrides.http2 = resolve(line.http2, environment);
  overrides.upstream = resolve(line.upstream, environment);
  overrides.heartbeat_interval = resolve(line.heartbeat_interval, environment);
  overrides.early_open = resolve(line.early_open, environment);
  overrides.response_timeout = resolve(line.response_timeout, environment);
  overrides.workers = resolve(line.workers, environment);
  overrides.admin = resolve(line.admin, environment);
  overrides.log_level = resolve(line.log_level, environment);
  overrides.log_format = resolve(line.log_format, environment);

  const File file = named_file(line, environment);
  if (const auto* const problem = std::get_if<config::Problem>(&file)) return failed(to_string(*problem) + "\n");
  // Whoever only wants to know is told of the files as well; to start without them is another failure.
  const config::FurtherCheck files = [](const config::Config& config) { return net::load_tls(config).problems; };
  config::LoadResult loaded = config::load(std::get<std::optional<config::FileText>>(file), overrides, environment,
                                           line.check ? files : config::FurtherCheck());
  if (!loaded.config) return failed(lines_of(loaded.problems));
  Invocation invocation = said(Invocation::Action::run, {});
  if (line.print_config) {
    invocation = said(Invocation::Action::print_config, config::print(*loaded.config));
  } else if (line.check) {
    invocation = said(Invocation::Action::check, "configuration OK\n");
  }
  invocation.config = std::move(*loaded.config);
  return invocation;
}

}  // namespace

Invocation parse(int argc, const char* const* argv, const config::EnvironmentLookup& environment) {
  CommandLine line;
  CLI::App app("A transparent HTTP/1.1 reverse proxy that keeps event streams alive.", "sse-sidecar");
  app.allow_extras();  // refused below, with the nearest known name
  try {
    declare(app, line);
    declare_healthcheck(app, line);
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return said(Invocation::Action::help, app.help());
  } catch (const CLI::CallForVersion&) {
    return said(Invocation::Action::version, std::string(kVersion));
  } catch (const CLI::ParseError& error) {
    return failed(std::string(error.what()) + "\n" + std::string(kHint), exit_code_of_misuse(app));
  }
  std::string err = app.remaining_size(true) > 0 ? unknown_options(app, line) : repeated_options(line);
  if (!err.empty()) return failed(std::move(err), exit_code_of_misuse(app));
  return is_healthcheck(app) ? load_and_ask(line, environment) : load_and_act(line, environment);
}

config::EnvironmentLookup process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* const value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

}  // namespace sidecar::cli
