#ifndef SPILLWAY_LAKEBASE_DOCTOR_CHECKS_H_
#define SPILLWAY_LAKEBASE_DOCTOR_CHECKS_H_

#include <string>
#include <vector>

#include "base/context.h"
#include "base/status.h"
#include "state/home.h"

namespace spillway::lakebase {

/// One line of `spillway doctor`.
struct DoctorCheck {
  std::string name;      ///< "PostgreSQL programs"
  base::Status outcome;  ///< ok, or what is wrong with the mend
  std::string note;      ///< what was found
};

/// What the local PostgreSQL needs: programs and their versions, the user to run as, pgvector, disk
/// space, locale, the home's permissions, the cluster itself. A check has several lines when
/// several things are wrong. Reads only and starts nothing.
std::vector<DoctorCheck> CheckLocalPostgres(const base::Context& context, const state::Home& home,
                                            const state::Environment& environment);

}  // namespace spillway::lakebase

#endif  // SPILLWAY_LAKEBASE_DOCTOR_CHECKS_H_
