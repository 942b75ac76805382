#include "source/connection_string.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

namespace spillway::source {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

// Errors repeat nothing of the text: it may be the password that is malformed.
Status Malformed(std::string_view what) {
  return Status(ErrorClass::kInvalidArgument,
                "the connection string cannot be read: " + std::string(what))
      .Mend("Write postgresql://USER@HOST:PORT/DATABASE, with the password in ${env:NAME}.");
}

// Other secrets than the password have no place of their own.
Status RefuseSecret(std::string_view keyword) {
  if (keyword != "sslpassword" && keyword != "oauth_client_secret") return Status();
  return Status(ErrorClass::kInvalidArgument,
                "the connection string holds a secret that would be kept in the open: " +
                    std::string(keyword))
      .Mend(
          "Write it into a section of pg_service.conf, readable by you only, and name that with "
          "service=NAME.");
}

// "mysql" of "mysql://…".
std::optional<std::string_view> SchemeOf(std::string_view text) {
  const auto end = text.find("://");
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  const std::string_view scheme = text.substr(0, end);
  const bool is_word = std::all_of(scheme.begin(), scheme.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.';
  });
  return is_word ? std::optional(scheme) : std::nullopt;
}

int HexValue(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

Result<std::string> PercentDecoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
    if (high < 0 || low < 0) return Malformed("a percent sign without two hexadecimal digits");
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return decoded;
}

// postgresql://[user[:password]@][hosts][/database][?name=value[&…]], as libpq reads it: the user's
// part ends at the first "@" before any "/" that follows the scheme.
Result<ConnectionString> FromUri(std::string_view text, std::size_t scheme_size) {
  ConnectionString parted;
  std::string_view rest = text.substr(scheme_size);
  std::string url(text.substr(0, scheme_size));
  const auto at = rest.find_first_of("@/");
  // libpq would take what stands before such an "@" for hosts and a database; most likely it is a
  // password, which must not be kept in the open.
  if (at != std::string_view::npos && rest[at] == '/' &&
      rest.substr(0, rest.find('?')).find('@') != std::string_view::npos) {
    return Malformed(
        "an \"@\" after a \"/\"; write %2F for a slash in a password, %40 for an \"@\"");
  }
  if (at != std::string_view::npos && rest[at] == '@') {
    // A second one is most likely part of the password too, whose rest libpq would take for a host.
    const std::string_view behind = rest.substr(at + 1);
    const auto host = behind.substr(0, std::max(behind.find('/'), behind.find('?')));
    if (host.find('@') != std::string_view::npos) {
      return Malformed("a second \"@\"; write %40 for an \"@\" in a user's name or a password");
    }
    const std::string_view user = rest.substr(0, at);
    const auto colon = user.find(':');
    if (colon != std::string_view::npos) {
      SPILLWAY_ASSIGN(parted.password, PercentDecoded(user.substr(colon + 1)));
    }
    url += user.substr(0, colon);
    url.push_back('@');
    rest = rest.substr(at + 1);
  }
  const auto question = rest.find('?');
  url += rest.substr(0, question);
  if (question == std::string_view::npos) {
    parted.url = std::move(url);
    return parted;
  }
  std::string_view query = rest.substr(question + 1);
  char before = '?';
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view parameter = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const auto equals = parameter.find('=');
    SPILLWAY_ASSIGN(const std::string keyword, PercentDecoded(parameter.substr(0, equals)));
    SPILLWAY_TRY(RefuseSecret(keyword));
    if (keyword == "password" && equals != std::string_view::npos) {
      SPILLWAY_ASSIGN(parted.password, PercentDecoded(parameter.substr(equals + 1)));
      continue;
    }
    url.push_back(before);
    url += parameter;
    before = '&';
  }
  parted.url = std::move(url);
  return parted;
}

bool IsSpace(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

// A value of a keyword/value string from `at` on: quoted or up to a space, backslash escaping.
Result<std::string> TakeValue(std::string_view text, std::size_t* at) {
  std::string value;
  const bool is_quoted = *at < text.size() && text[*at] == '\'';
  if (is_quoted) ++*at;
  for (; *at < text.size(); ++*at) {
    const char c = text[*at];
    if (is_quoted && c == '\'') {
      ++*at;
      return value;
    }
    if (!is_quoted && IsSpace(c)) return value;
    if (c != '\\') {
      value.push_back(c);
    } else if (*at + 1 < text.size()) {
      value.push_back(text[++*at]);
    }
  }
  if (is_quoted) return Malformed("a quoted value does not end");
  return value;
}

// "host=… user=… password=…", as libpq reads it.
Result<ConnectionString> FromKeywords(std::string_view text) {
  ConnectionString parted;
  std::size_t at = 0;
  const auto skip_spaces = [&] {
    while (at < text.size() && IsSpace(text[at])) ++at;
  };
  for (skip_spaces(); at < text.size(); skip_spaces()) {
    const std::size_t begin = at;
    while (at < text.size() && text[at] != '=' && !IsSpace(text[at])) ++at;
    const std::string_view keyword = text.substr(begin, at - begin);
    skip_spaces();
    if (at >= text.size() || text[at] != '=' || keyword.empty()) {
      return Malformed("a keyword without a value");
    }
    ++at;
    skip_spaces();
    SPILLWAY_ASSIGN(std::string value, TakeValue(text, &at));
    SPILLWAY_TRY(RefuseSecret(keyword));
    if (keyword == "password") {
      parted.password = std::move(value);
      continue;
    }
    if (!parted.url.empty()) parted.url.push_back(' ');
    parted.url += text.substr(begin, at - begin);
  }
  return parted;
}

}  // namespace

Result<ConnectionString> TakePassword(std::string_view connection_string) {
  for (const std::string_view scheme : {"postgresql://", "postgres://"}) {
    if (connection_string.starts_with(scheme)) return FromUri(connection_string, scheme.size());
  }
  if (const auto scheme = SchemeOf(connection_string)) {
    return Malformed("the scheme " + std::string(*scheme) + ": is not PostgreSQL's");
  }
  return FromKeywords(connection_string);
}

}  // namespace spillway::source
