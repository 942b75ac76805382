#ifndef SPILLWAY_SERVICE_DOCTOR_H_
#define SPILLWAY_SERVICE_DOCTOR_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/status.h"
#include "state/home.h"

/// What spillway doctor tells.
namespace spillway::service {

/// One line of spillway doctor.
struct DoctorLine {
  std::string name;
  base::Status outcome;
  std::string note;
};
/// What is installed, reachable and writable; which credential each source would use, those that
/// definitions name by URL too; the mend for each problem. A home or state file that cannot be used
/// is one of them and hides nothing else. `home` is --home or empty. Starts nothing and writes
/// nothing.
std::vector<DoctorLine> Doctor(const base::Context& context, std::string_view home,
                               const state::Environment& environment,
                               const std::string& working_folder);

}  // namespace spillway::service

#endif  // SPILLWAY_SERVICE_DOCTOR_H_
