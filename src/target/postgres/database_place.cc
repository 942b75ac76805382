#include "target/postgres/database_place.h"

#include <libpq-fe.h>

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <map>
#include <memory>
#include <string_view>

namespace spillway::target::postgres {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

using Options = std::map<std::string, std::string, std::less<>>;

// Takes the list over. Values that are there stay.
void AddMissing(PQconninfoOption* list, Options* options) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> freed(list, &PQconninfoFree);
  for (const PQconninfoOption* option = list; option != nullptr && option->keyword != nullptr;
       ++option) {
    if (option->val != nullptr && *option->val != '\0') {
      options->emplace(option->keyword, option->val);
    }
  }
}

std::string HostName(std::string host) {
  if (host.starts_with('/')) {
    while (host.size() > 1 && host.ends_with('/')) host.pop_back();
    return host;
  }
  std::ranges::transform(host, host.begin(), [](unsigned char c) { return std::tolower(c); });
  const bool is_here = host == "127.0.0.1" || host == "::1";
  return is_here ? "localhost" : host;
}

}  // namespace

Result<std::string> DatabasePlace(const std::string& url) {
  char* message = nullptr;
  PQconninfoOption* given = PQconninfoParse(url.c_str(), &message);
  PQfreemem(message);  // may repeat a password
  if (given == nullptr) {
    return Status(ErrorClass::kInvalidArgument, "the connection string cannot be read")
        .Mend("Write postgresql://USER@HOST:PORT/DATABASE.");
  }
  Options options;
  AddMissing(given, &options);
  const auto text = [&](std::initializer_list<std::string_view> keywords) {
    for (const std::string_view keyword : keywords) {
      if (const auto found = options.find(keyword); found != options.end()) return found->second;
    }
    return std::string();
  };
  const std::string service = text({"service"});
  if (service.empty()) AddMissing(PQconndefaults(), &options);
  std::string hosts;
  std::string_view rest;
  const std::string list = text({"hostaddr", "host"});
  for (rest = list; !rest.empty();) {
    const auto comma = rest.find(',');
    hosts += (hosts.empty() ? "" : ",") + HostName(std::string(rest.substr(0, comma)));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return (service.empty() ? "" : "service " + service + " ") + hosts + ":" + text({"port"}) + "/" +
         text({"dbname", "user"});
}

}  // namespace spillway::target::postgres
