#include "target/postgres/session/connection_string.h"

#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <string_view>
#include <vector>

#include "base/nearest_name.h"

namespace spillway::target::postgres {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

constexpr int kMostPort = 65535;

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

Status Refused(const std::string& why) {
  return Status(ErrorClass::kInvalidArgument, "the connection string cannot be used: " + why)
      .Mend("Write postgresql://USER@HOST:PORT/DATABASE, with libpq's options after a \"?\".");
}

// The option that libpq's complaint puts in quotes, when it can be nothing else.
std::string UnknownOption(std::string_view complaint) {
  if (complaint.find("invalid URI query parameter") == std::string_view::npos &&
      complaint.find("invalid connection option") == std::string_view::npos) {
    return "";
  }
  const auto begin = complaint.find('"');
  const auto end = complaint.find('"', begin + 1);
  if (begin == std::string_view::npos || end == std::string_view::npos) return "";
  const std::string_view option = complaint.substr(begin + 1, end - begin - 1);
  const bool is_word = std::ranges::all_of(
      option, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
  return is_word ? std::string(option) : "";
}

Status NoSuchOption(const std::string& option) {
  std::vector<std::string> known;
  const Options defaults(PQconndefaults());
  for (const PQconninfoOption* each = defaults.get(); each != nullptr && each->keyword != nullptr;
       ++each) {
    known.emplace_back(each->keyword);
  }
  const std::vector<std::string> nearest = base::NearestNames(option, known, 1);
  Status error(ErrorClass::kInvalidArgument,
               "the connection string has an option that libpq does not know: " + option);
  if (nearest.empty()) return std::move(error).Mend("Leave it out.");
  return std::move(error).Mend("Did you mean: " + nearest.front() + "?");
}

// Ports of several hosts stand with commas between; an empty one is the default.
bool ArePorts(std::string_view ports) {
  while (!ports.empty()) {
    const auto end = std::min(ports.find(','), ports.size());
    const std::string_view port = ports.substr(0, end);
    int number = 1;
    const auto [stopped, error] =
        port.empty() ? std::from_chars_result{port.data(), std::errc()}
                     : std::from_chars(port.data(), port.data() + port.size(), number);
    const bool is_number = error == std::errc() && stopped == port.data() + port.size();
    if (!is_number || number < 1 || number > kMostPort) return false;
    ports.remove_prefix(std::min(end + 1, ports.size()));
  }
  return true;
}

}  // namespace

Result<std::map<std::string, std::string>> ParseConnectionString(
    const std::string& connection_string) {
  std::map<std::string, std::string> given;
  if (connection_string.empty()) return given;
  char* complaint = nullptr;
  const Options options(PQconninfoParse(connection_string.c_str(), &complaint));
  const std::string why = complaint == nullptr ? "" : complaint;
  PQfreemem(complaint);
  if (options == nullptr) {
    const std::string option = UnknownOption(why);
    return option.empty() ? Refused("libpq does not understand it") : NoSuchOption(option);
  }
  for (const PQconninfoOption* each = options.get(); each->keyword != nullptr; ++each) {
    if (each->val != nullptr) given.emplace(each->keyword, each->val);
  }
  return given;
}

Status CheckConnectionString(const std::string& connection_string) {
  if (connection_string.empty()) return Refused("it is empty");
  SPILLWAY_ASSIGN(const auto given, ParseConnectionString(connection_string));
  if (const auto port = given.find("port"); port != given.end() && !ArePorts(port->second)) {
    return Refused("a port is a number from 1 to 65535");
  }
  return Status();
}

}  // namespace spillway::target::postgres
