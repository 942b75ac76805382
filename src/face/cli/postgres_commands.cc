#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>

#include "face/cli/command.h"
#include "face/cli/option_values.h"
#include "lakebase/cluster.h"

namespace spillway::face::cli {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using Json = nlohmann::ordered_json;

// The URL alone, for $(spillway pg url).
void PrintUrl(Session* session, const std::string& url) {
  if (session->console->format == OutputFormat::kTable) {
    session->console->Line(url);
  } else {
    session->console->Print(Json({{"url", url}}).dump());
  }
}

Result<int> Start(Session* session, service::World& world, int port) {
  if (session->dry_run) {
    SPILLWAY_ASSIGN(const lakebase::ClusterStatus status,
                    world.LocalCluster().GetStatus(session->context));
    const bool running = status.state == lakebase::ClusterState::kRunning;
    session->console->Note(running ? "was running" : "started");
    return 0;
  }
  lakebase::StartOptions options;
  if (port != 0) options.port = static_cast<std::uint16_t>(port);
  SPILLWAY_ASSIGN(const lakebase::Started started,
                  world.LocalCluster().Start(session->context, options));
  for (const std::string& note : started.notes) session->console->Note(note);
  session->console->Note(started.already ? "was running" : "started");
  PrintUrl(session, started.endpoint.url);
  return 0;
}

Result<int> ShowStatus(Session* session, service::World& world) {
  SPILLWAY_ASSIGN(const lakebase::ClusterStatus status,
                  world.LocalCluster().GetStatus(session->context));
  Json json;
  json["state"] = lakebase::Name(status.state);
  json["url"] = status.endpoint ? Json(status.endpoint->url) : Json();
  json["port"] = status.endpoint ? Json(status.endpoint->port) : Json();
  json["pid"] = status.pid != 0 ? Json(status.pid) : Json();
  json["server_version"] = status.server_version;
  json["user"] = status.os_user;
  json["data"] = status.data_folder;
  json["log"] = status.log_file;
  session->console->Print(json.dump());
  return 0;
}

// Becomes psql, so that the terminal and the signals are its own.
Result<int> Psql(Session* session, service::World& world) {
  SPILLWAY_TRY(world.LocalCluster().Start(session->context, {}).status());
  SPILLWAY_ASSIGN(lakebase::PsqlCommand command,
                  world.LocalCluster().MakePsqlCommand(session->context, session->psql_arguments));
  for (const std::string& name : command.unset) unsetenv(name.c_str());
  for (const auto& [name, value] : command.environment) setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> argv;
  for (std::string& word : command.arguments) argv.push_back(word.data());
  argv.push_back(nullptr);
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  execvp(argv.front(), argv.data());
  return Status(ErrorClass::kLocalPostgres,
                "cannot run " + command.arguments.front() + ": " + std::strerror(errno))
      .Mend("Install it: apt install postgresql-client");
}

}  // namespace

void AddPostgresCommands(CLI::App* app, Session* session) {
  CLI::App* parent = app->add_subcommand("pg", "The PostgreSQL that Spillway runs itself");
  parent->require_subcommand(1);

  auto port = std::make_shared<int>(0);
  CLI::App* start = parent->add_subcommand("start", "Start it (made at the first start)");
  AddNumber(start, "--port", {.least = 1024, .most = 65535}, "Port to keep from now on",
            [port](std::int64_t number) { *port = static_cast<int>(number); });
  start->footer("Example:\n  spillway pg start --port 5433");
  AddDryRun(start, session);
  start->callback([session, port] {
    session->action = [session, port](service::World& world) {
      return Start(session, world, *port);
    };
  });

  auto immediate = std::make_shared<bool>(false);
  CLI::App* stop = parent->add_subcommand("stop", "Stop it");
  stop->add_flag("--immediate", *immediate, "Without a checkpoint; the next start recovers");
  AddDryRun(stop, session);
  stop->footer("Example:\n  spillway pg stop");
  stop->callback([session, immediate] {
    session->action = [session, immediate](service::World& world) -> Result<int> {
      SPILLWAY_ASSIGN(const lakebase::ClusterStatus status,
                      world.LocalCluster().GetStatus(session->context));
      if (!session->dry_run) {
        SPILLWAY_TRY(
            world.LocalCluster().Stop(session->context, *immediate ? lakebase::StopMode::kImmediate
                                                                   : lakebase::StopMode::kFast));
      }
      const bool ran = status.pid != 0;
      session->console->Note(ran ? "stopped" : "nothing to do: it does not run");
      return 0;
    };
  });

  CLI::App* shown = parent->add_subcommand("status", "Show whether it runs, and where");
  shown->footer("Example:\n  spillway pg status -o json");
  shown->callback([session] {
    session->action = [session](service::World& world) { return ShowStatus(session, world); };
  });

  CLI::App* url = parent->add_subcommand("url", "Print its connection URL; starts it");
  url->footer("Example:\n  psql \"$(spillway pg url)\"");
  url->callback([session] {
    session->action = [session](service::World& world) -> Result<int> {
      SPILLWAY_ASSIGN(const lakebase::Started started,
                      world.LocalCluster().Start(session->context, {}));
      PrintUrl(session, started.endpoint.url);
      return 0;
    };
  });

  CLI::App* psql = parent->add_subcommand("psql", "Run psql on it, with psql's own arguments");
  psql->footer("Example:\n  spillway pg psql -c 'select * from spillway.position'");
  psql->callback([session] {
    session->action = [session](service::World& world) { return Psql(session, world); };
  });
}

}  // namespace spillway::face::cli
