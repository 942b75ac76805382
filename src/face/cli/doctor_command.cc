#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/failpoint.h"
#include "face/cli/command.h"
#include "service/doctor.h"

namespace spillway::face::cli {

using base::Result;
using Json = nlohmann::ordered_json;

void AddDoctorCommand(CLI::App* app, Session* session) {
  CLI::App* doctor = app->add_subcommand(
      "doctor", "What is installed, reachable and writable, and the mend for each problem");
  auto failpoints = std::make_shared<bool>(false);
  doctor->add_flag("--failpoints", *failpoints, "List the failpoints of this build")->group("");
  doctor->footer("Example:\n  spillway doctor -o json");
  doctor->callback([session, failpoints] {
    session->homeless_action = [session, failpoints]() -> Result<int> {
      if (*failpoints) {
        for (const std::string_view name : base::FailpointNames()) session->console->Line(name);
        return 0;
      }
      Json list = Json::array();
      bool all_well = true;
      for (const service::DoctorLine& line : service::Doctor(
               session->context, session->home, session->environment, session->working_folder)) {
        all_well = all_well && line.outcome.ok();
        list.push_back({{"check", line.name},
                        {"outcome", line.outcome.ok() ? "ok" : line.outcome.ToString()},
                        {"note", line.note},
                        {"mend", line.outcome.ok() ? "" : std::string(line.outcome.mend())}});
      }
      session->console->Print(list.dump());
      return all_well ? 0 : 1;
    };
  });
}

}  // namespace spillway::face::cli
