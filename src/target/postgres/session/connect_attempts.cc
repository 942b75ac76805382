#include "target/postgres/session/connect_attempts.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <map>

#include "target/postgres/session/connection_string.h"

namespace spillway::target::postgres {
namespace {

using base::Result;
using Options = std::map<std::string, std::string>;

std::vector<std::string> SplitList(const std::string& list) {
  std::vector<std::string> items;
  std::size_t at = 0;
  while (true) {
    const auto comma = list.find(',', at);
    items.push_back(list.substr(at, comma == std::string::npos ? comma : comma - at));
    if (comma == std::string::npos) return items;
    at = comma + 1;
  }
}

// The keywords that choose each of several hosts in turn; one empty entry when there is one host,
// or when libpq must look at them all to choose.
std::vector<Keywords> HostChoices(const Options& given) {
  const auto list = [&](const char* key) {
    const auto found = given.find(key);
    return found == given.end() ? std::vector<std::string>() : SplitList(found->second);
  };
  const auto hosts = list("host");
  const auto addresses = list("hostaddr");
  const auto ports = list("port");
  const std::size_t count = std::max(hosts.size(), addresses.size());
  const auto wanted = given.find("target_session_attrs");
  const bool any_order = wanted == given.end() || wanted->second == "any" ||
                         wanted->second == "primary" || wanted->second == "read-write";
  if (count < 2 || !any_order) return {{}};
  std::vector<Keywords> choices;
  for (std::size_t i = 0; i < count; ++i) {
    Keywords choice;
    if (i < hosts.size()) choice.emplace_back("host", hosts[i]);
    if (i < addresses.size()) choice.emplace_back("hostaddr", addresses[i]);
    if (!ports.empty())
      choice.emplace_back("port", ports[ports.size() == 1 ? 0 : i % ports.size()]);
    choices.push_back(std::move(choice));
  }
  return choices;
}

Keywords ConnectKeywords(const ConnectOptions& options, const Options& given) {
  Keywords keywords;
  if (!options.url.empty()) keywords.emplace_back("dbname", options.url);
  if (!options.password.empty()) keywords.emplace_back("password", options.password.Reveal());
  keywords.emplace_back("client_encoding", "UTF8");
  keywords.emplace_back("fallback_application_name", options.application_name);
  const auto default_to = [&](const char* key, const char* value) {
    if (!given.contains(key)) keywords.emplace_back(key, value);
  };
  // A silent network is noticed within a minute, not after the system's two hours.
  default_to("keepalives_idle", "30");
  default_to("keepalives_interval", "10");
  default_to("keepalives_count", "3");
  const auto host = given.find("host");
  const auto address = given.find("hostaddr");
  if ((host != given.end() && host->second.find(',') != std::string::npos) ||
      (address != given.end() && address->second.find(',') != std::string::npos)) {
    default_to("target_session_attrs", "primary");
  }
  return keywords;
}

std::chrono::milliseconds ConnectTimeout(const ConnectOptions& options, const Options& given) {
  int seconds = 0;
  if (const auto own = given.find("connect_timeout"); own != given.end()) {
    std::from_chars(own->second.data(), own->second.data() + own->second.size(), seconds);
  }
  return seconds > 0 ? std::chrono::seconds(seconds) : options.connect_timeout;
}

// The host of an attempt when it is a name: no address, no socket's folder, no list.
std::string HostName(const Keywords& choice, const Options& given) {
  Options known = given;
  for (const auto& [key, value] : choice) known.insert_or_assign(key, value);
  if (known.contains("hostaddr")) return "";
  const std::string host = known["host"];
  in6_addr address{};
  const bool is_address = inet_pton(AF_INET, host.c_str(), &address) == 1 ||
                          inet_pton(AF_INET6, host.c_str(), &address) == 1;
  const bool is_name = !host.empty() && host.front() != '/' && host.front() != '@' &&
                       host.find(',') == std::string::npos;
  return is_name && !is_address ? host : "";
}

}  // namespace

Result<ConnectAttempts> PlanAttempts(const ConnectOptions& options) {
  SPILLWAY_ASSIGN(const Options given, ParseConnectionString(options.url));
  ConnectAttempts attempts{{}, ConnectTimeout(options, given)};
  for (const Keywords& choice : HostChoices(given)) {
    Keywords keywords = ConnectKeywords(options, given);
    keywords.insert(keywords.end(), choice.begin(), choice.end());
    attempts.list.push_back({std::move(keywords), HostName(choice, given)});
  }
  return attempts;
}

void AddAddresses(const std::vector<std::string>& addresses, ConnectAttempt* attempt) {
  std::string hosts;
  std::string list;
  for (const std::string& address : addresses) {
    hosts += (hosts.empty() ? "" : ",") + attempt->host;
    list += (list.empty() ? "" : ",") + address;
  }
  attempt->keywords.emplace_back("host", std::move(hosts));
  attempt->keywords.emplace_back("hostaddr", std::move(list));
}

}  // namespace spillway::target::postgres
