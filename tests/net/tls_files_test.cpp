// The files that a configuration names for TLS: what is wrong with them is told, and a reload reads them again.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/net/harness/suite.hpp"
#include "tests/net/harness/tls.hpp"

namespace sidecar::nettest {
namespace {

class TlsFiles : public ::testing::Test {
 protected:
  std::string config(const Issued& files, const std::string& more = "") const {
    return "listeners: [{ address: \"127.0.0.1:0\", tls: { certificates: [{ certificate: " + files.certificate +
           ", key: " + files.key + " }]" + more + " } }]\nupstreams: { app: { url: \"" + backend.url() +
           "\" } }\nlog: { level: info, format: json }\n";
  }
  void copy(const Issued& from) const {
    const auto over = std::filesystem::copy_options::overwrite_existing;
    std::filesystem::copy_file(from.certificate, used.certificate, over);
    std::filesystem::copy_file(from.key, used.key, over);
  }
  Launch launch() const {
    Launch launch;
    launch.config = config(used);
    return launch;
  }
  static std::string name_shown(const Sidecar& sidecar) {
    return peer_name_of(TlsPeer::client("").shake(sidecar.connect()));
  }
  static std::size_t count(Sidecar& sidecar, std::string_view text) {
    const auto lines = sidecar.log_of("message");
    return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [&](const auto& line) {
      return text_of(line, "message").find(text) != std::string::npos;
    }));
  }
  static void reload(Sidecar& sidecar, std::string_view outcome) {
    const std::size_t before = count(sidecar, outcome);
    sidecar.signal(SIGHUP);
    for (const auto start = Clock::now(); count(sidecar, outcome) == before;) {
      if (since(start) > patience()) throw Failure("nothing comes of SIGHUP");
      std::this_thread::sleep_for(1ms);
    }
  }

  TemporaryFolder folder;
  Authority authority{folder};
  Issued first = authority.issue("first", {"first"});
  Issued second = authority.issue("second", {"second"});
  Issued used{folder.path("used.crt"), folder.path("used.key")};
  RawBackend backend;
};

struct Wrong {
  const char* what;
  Issued files;
  std::string key;      ///< Which one is to blame.
  std::string problem;  ///< Behind its name.
};

TEST_F(TlsFiles, that_are_wrong_are_told) {
  const std::string nothing = folder.path("nothing");
  const std::string text = folder.write("text", "this is no PEM\n");
  std::string broken = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  std::stringstream whole;
  whole << std::ifstream(first.certificate).rdbuf() << broken;
  const std::string behind = folder.write("behind", whole.str());
  broken = folder.write("broken", broken);
  const std::string broken_key =
      folder.write("broken_key", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n");
  const std::string endless = folder.write("endless", std::string(5 << 20, '\n'));
  const std::string encrypted = folder.path("encrypted");
  Process openssl(find_program("openssl"),
                  {"pkey", "-in", first.key, "-out", encrypted, "-aes128", "-passout", "pass:x"});
  ASSERT_EQ(openssl.wait(scaled(10s)), 0);
  const std::vector<Wrong> wrongs{
      {"missing", {nothing, first.key}, "certificate", nothing + " cannot be read: No such file or directory"},
      {"missing", {first.certificate, nothing}, "key", nothing + " cannot be read: No such file or directory"},
      {"a folder", {folder.path("."), first.key}, "certificate", folder.path(".") + " cannot be read: Is a directory"},
      {"no PEM", {text, first.key}, "certificate", text + " holds no certificate (PEM: -----BEGIN CERTIFICATE-----)"},
      {"no PEM", {first.certificate, text}, "key", text + " holds no private key (PEM: -----BEGIN PRIVATE KEY-----)"},
      {"broken", {broken, first.key}, "certificate", broken + " holds a certificate that cannot be read: "},
      {"a broken one behind it",
       {behind, first.key},
       "certificate",
       behind + " holds a certificate that cannot be read: "},
      {"broken", {first.certificate, broken_key}, "key", broken_key + " holds a private key that cannot be read: "},
      {"endless", {endless, first.key}, "certificate", endless + " is too long"},
      {"a stranger's",
       {first.certificate, second.key},
       "key",
       second.key + " is not the key of the certificate in " + first.certificate},
      {"encrypted",
       {first.certificate, encrypted},
       "key",
       encrypted + " is encrypted, and nobody is here to be asked for its password"},
  };
  for (const Wrong& wrong : wrongs) {
    const std::string expected = "listeners[0].tls.certificates[0]." + wrong.key + ": " + wrong.problem;
    const std::string file = folder.write("sidecar.yaml", config(wrong.files));
    const Outcome start = run_sidecar({"--config", file});
    EXPECT_EQ(start.code, 1) << wrong.what;
    EXPECT_EQ(start.err.substr(0, 13 + expected.size()), "sse-sidecar: " + expected);
    const Outcome check = run_sidecar({"--config", file, "--check"});
    EXPECT_EQ(check.code, 2) << wrong.what;
    EXPECT_EQ(check.err.find(file + ":1:"), 0U) << check.err;
    EXPECT_NE(check.err.find(": " + expected), std::string::npos) << check.err;
  }
}

TEST_F(TlsFiles, that_may_not_be_read_are_told) {
  std::vector<std::string> as_nobody;
  if (::geteuid() == 0) {  // Who may read everything.
    const std::string setpriv = find_program("setpriv");
    if (setpriv.empty()) GTEST_SKIP() << "setpriv is not installed";
    as_nobody = {setpriv, "--reuid=65534", "--regid=65534", "--clear-groups"};
  }
  const auto run = [&](std::vector<std::string> arguments) {
    std::vector<std::string> all = as_nobody;
    all.emplace_back(SIDECAR_BINARY);
    all.insert(all.end(), arguments.begin(), arguments.end());
    const std::string errors = folder.path("errors");
    std::string line;
    for (const std::string& word : all) line += word + " ";
    Process shell("/bin/sh", {"-c", line + "2> " + errors});
    const auto code = shell.wait(scaled(10s));
    std::stringstream text;
    text << std::ifstream(errors).rdbuf();
    return std::pair(code.value_or(-1), text.str());
  };
  namespace fs = std::filesystem;
  fs::permissions(folder.path("."), fs::perms::others_read | fs::perms::others_exec, fs::perm_options::add);
  if (run({"--version"}).first != 0) GTEST_SKIP() << "the binary is where nobody else may go";
  fs::permissions(second.key, fs::perms::none);
  fs::permissions(first.certificate, fs::perms::none);
  const std::string file = folder.write("sidecar.yaml", config({first.certificate, second.key}));
  const auto [code, errors] = run({"--config", file, "--check"});
  EXPECT_EQ(code, 2);
  for (const std::string& problem : {".certificate: " + first.certificate, ".key: " + second.key}) {
    EXPECT_NE(errors.find("certificates[0]" + problem + " cannot be read: Permission denied"), std::string::npos)
        << errors;
  }
}

TEST_F(TlsFiles, of_authorities_are_looked_at_too) {
  const std::string nothing = folder.path("nothing");
  const std::string file = folder.write("sidecar.yaml", config(first, ", client_ca: " + nothing));
  EXPECT_NE(run_sidecar({"-c", file, "--check"}).err.find("listeners[0].tls.client_ca: " + nothing + " cannot be"),
            std::string::npos);
  const std::string upstream =
      folder.write("upstream.yaml", "upstreams: { a: { url: \"https://a\", tls: { ca: " + nothing +
                                        ", certificate: " + first.certificate + ", key: " + second.key + " } } }\n");
  const Outcome check = run_sidecar({"-c", upstream, "--check"});
  EXPECT_EQ(check.code, 2);
  EXPECT_NE(check.err.find("upstreams.a.tls.ca: " + nothing + " cannot be read"), std::string::npos);
  EXPECT_NE(check.err.find("upstreams.a.tls.key: " + second.key + " is not the key"), std::string::npos);
}

TEST_F(TlsFiles, an_expired_certificate_is_a_warning) {
  copy(authority.issue("old", {"old", "DNS:old", -7200, -3600}));
  Sidecar sidecar(launch());
  EXPECT_EQ(count(sidecar, used.certificate + ": the certificate expired on "), 1U);
  EXPECT_EQ(name_shown(sidecar), "old");
}

TEST_F(TlsFiles, a_certificate_of_tomorrow_is_a_warning) {
  copy(authority.issue("new", {"new", "DNS:new", 3600, 7200}));
  Sidecar sidecar(launch());
  EXPECT_EQ(count(sidecar, used.certificate + ": the certificate is not valid before "), 1U);
}

TEST_F(TlsFiles, a_system_without_authorities_is_a_warning) {
  const std::string upstream = "upstreams: { app: { url: \"https://127.0.0.1:" + std::to_string(backend.port()) +
                               "\" } }\nlisteners: [{ address: \"127.0.0.1:0\" }]\nlog: { format: json }\n";
  for (const bool some : {false, true}) {
    Launch launch;
    launch.config = upstream;
    launch.environment = {"SSL_CERT_FILE=" + (some ? authority.ca() : folder.path("nothing")),
                          "SSL_CERT_DIR=" + folder.path("nowhere")};
    Sidecar sidecar(launch);
    EXPECT_EQ(count(sidecar, "this system has no certificate authorities"), some ? 0U : 1U);
  }
}

TEST_F(TlsFiles, a_chain_goes_along) {
  const Issued between = authority.issue("between", {"between", "", -3600, 86400, true});
  std::ofstream(first.certificate, std::ios::app) << std::ifstream(between.certificate).rdbuf();
  copy(first);
  Sidecar sidecar(launch());
  RawConnection client = TlsPeer::client("").shake(sidecar.connect());
  EXPECT_EQ(sk_X509_num(SSL_get_peer_cert_chain(client.ssl())), 2);
}

TEST_F(TlsFiles, are_read_again_by_a_reload) {
  copy(first);
  Sidecar sidecar(launch());
  Stream stream;
  stream.client = TlsPeer::client(authority.ca()).shake(sidecar.connect());
  stream.client.send(get("/events"));
  stream.backend = backend.accept();
  (void)stream.backend.read_head();
  stream.backend.send(kStreamHead);
  stream.head = stream.client.read_head();
  EXPECT_EQ(peer_name_of(stream.client), "first");

  copy(second);
  EXPECT_EQ(name_shown(sidecar), "first") << "not before";
  reload(sidecar, "configuration reloaded");
  EXPECT_EQ(name_shown(sidecar), "second");

  std::filesystem::copy_file(first.key, used.key, std::filesystem::copy_options::overwrite_existing);
  reload(sidecar, "reload: the configuration stays as it was");
  EXPECT_EQ(count(sidecar, "reload: listeners[0].tls.certificates[0].key: " + used.key + " is not the key"), 1U);
  EXPECT_EQ(name_shown(sidecar), "second");

  BodyReader body = body_of(stream);
  stream.backend.send(chunk("data: 1\n\n") + std::string(kLastChunk));
  EXPECT_EQ(body.read_all(), "data: 1\n\n") << "the stream that was there all the time";
}

TEST_F(TlsFiles, a_reload_turns_tls_on_and_off) {
  copy(first);
  Launch start = launch();
  Sidecar sidecar(start);
  EXPECT_EQ(name_shown(sidecar), "first");
  std::string plain = start.config;
  plain.replace(plain.find(", tls:"), plain.find(" }]\n") - plain.find(", tls:"), "");
  sidecar.rewrite(plain);
  reload(sidecar, "configuration reloaded");
  RawConnection client = sidecar.connect();
  client.send(get("/"));
  RawConnection server = backend.accept();
  (void)server.read_head();
  server.send(ok("plain"));
  EXPECT_EQ(read_response(client).body, "plain");
  client.close();
  sidecar.rewrite(start.config);
  reload(sidecar, "configuration reloaded");
  EXPECT_EQ(name_shown(sidecar), "first");
}

}  // namespace
}  // namespace sidecar::nettest
