#include "source/source_registry.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/absolute_path.h"

namespace spillway::source {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

constexpr std::array<std::string_view, 12> kSchemes = {
    "s3", "s3a", "s3n", "abfss", "abfs", "wasbs", "wasb", "az", "azure", "adl", "gs", "gcs"};
constexpr std::size_t kMostParts = 3;
constexpr std::chrono::seconds kDropTime{5};

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

// "s3" of "s3://lake/x", "file" of "file:/x"; nullopt of a path or name.
std::optional<std::string> SchemeOf(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string scheme = Lower(text.substr(0, colon));
  const bool is_word = !scheme.empty() &&
                       std::isalpha(static_cast<unsigned char>(scheme[0])) != 0 &&
                       std::all_of(scheme.begin(), scheme.end(), [](unsigned char c) {
                         return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.';
                       });
  if (!is_word || (scheme != "file" && !text.substr(colon).starts_with("://"))) {
    return std::nullopt;
  }
  return scheme;
}

Status Unusable(std::string message) {
  return Status(ErrorClass::kInvalidArgument, std::move(message))
      .Mend("Write a path, a URL (file:, s3:, abfss:, az:, gs:) or a registered name.");
}

// The part of a URL before its path must not hold a password, nor the rest a query, which is where
// access tokens travel.
Status RefuseSecretsIn(std::string_view url) {
  const std::string_view rest = url.substr(url.find("://") + 3);
  const std::string_view authority = rest.substr(0, rest.find('/'));
  const auto at = authority.rfind('@');
  const bool has_password =
      at != std::string_view::npos && authority.substr(0, at).find(':') != std::string_view::npos;
  if (!has_password && rest.find_first_of("?#") == std::string_view::npos) return Status();
  return Status(ErrorClass::kInvalidArgument, "a source's URL carries a password or a query")
      .Mend("Give credentials as storage options; write %3F for '?' and %23 for '#'.");
}

// The text a definition may keep for a location.
Result<std::string> Canonical(const std::string& working_folder, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) {
    return Unusable("a source's location holds a NUL character");
  }
  const auto scheme = SchemeOf(text);
  if (!scheme) return base::AbsolutePath(working_folder, text);
  if (*scheme == "file") {
    const std::string_view path = text.substr(std::string_view("file:").size());
    if (path.starts_with('/')) return std::string(text);
    return base::AbsolutePath(working_folder, path);
  }
  if (std::find(kSchemes.begin(), kSchemes.end(), *scheme) == kSchemes.end()) {
    return Unusable("there is no store for the scheme " + *scheme + ":");
  }
  SPILLWAY_TRY(RefuseSecretsIn(text));
  if (text.substr(scheme->size() + std::string_view("://").size()).find_first_not_of('/') != 0) {
    return Unusable("a source's location names no bucket or container");
  }
  std::string url(text);
  while (url.ends_with('/')) url.pop_back();
  return url;
}

bool IsGoodName(std::string_view name) {
  std::size_t parts = 1;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    if (c == '.') {
      ++parts;
      if (i == 0 || i + 1 == name.size() || name[i + 1] == '.') return false;
    } else if (c <= ' ' || c == 0x7f ||
               std::string_view("/:\\\"'`*?$").find(name[i]) != std::string_view::npos) {
      return false;
    }
  }
  return !name.empty() && parts <= kMostParts;
}

}  // namespace

bool IsLocation(std::string_view text) {
  return text.starts_with('.') || text.find('/') != std::string_view::npos || SchemeOf(text);
}

SourceRegistry::SourceRegistry(state::Store* store, const SecretKeeper* secrets,
                               std::string working_folder)
    : store_(store), secrets_(secrets), working_folder_(std::move(working_folder)) {}

Result<ResolvedSource> SourceRegistry::Resolve(const Context& context,
                                               std::string_view text) const {
  if (text.empty()) return Unusable("a source is empty");
  ResolvedSource resolved;
  if (IsLocation(text)) {
    SPILLWAY_ASSIGN(resolved.source, Canonical(working_folder_, text));
    resolved.location.url = resolved.source;
    return resolved;
  }
  auto found = store_->GetSource(context, text);
  if (!found.ok()) {
    Status status = std::move(found).status();
    std::error_code ignored;
    const bool is_folder =
        status.error_class() == ErrorClass::kSourceNotFound &&
        std::filesystem::is_directory(base::AbsolutePath(working_folder_, text), ignored);
    if (!is_folder) return status;
    const std::string mend = "For the folder of that name write ./" + std::string(text) +
                             "; to register the name: spillway source add " + std::string(text) +
                             " URL.";
    return std::move(status).Mend(mend);
  }
  resolved.source = found->name;
  resolved.registered = true;
  resolved.location.url = found->url;
  auto options = ResolveOptions(found->storage_options);
  if (!options.ok()) return std::move(options).status().While("source " + found->name);
  resolved.location.storage_options = *std::move(options);
  return resolved;
}

Result<std::string> SourceRegistry::ResolveOption(const std::string& option,
                                                  const std::string& value) const {
  if (!LooksLikeSecretReference(value)) return value;
  auto secret = secrets_->Resolve(value);
  if (!secret.ok()) return std::move(secret).status().While("option " + option);
  return secret->Reveal();
}

Result<std::map<std::string, std::string>> SourceRegistry::ResolveOptions(
    const std::map<std::string, std::string>& options) const {
  std::map<std::string, std::string> resolved;
  for (const auto& [option, value] : options) {
    SPILLWAY_ASSIGN(resolved[option], ResolveOption(option, value));
  }
  return resolved;
}

// A source as it will be registered, without options.
Result<state::Source> SourceRegistry::Make(std::string_view name, std::string_view url) const {
  if (IsLocation(name) || !IsGoodName(name)) {
    return Status(ErrorClass::kInvalidArgument,
                  "a source cannot have the name '" + std::string(name) + "'")
        .Mend("Use up to three parts with dots between, as lake.sales.products.");
  }
  if (!IsLocation(url)) {
    return Unusable("a source's URL is neither a path nor a URL: '" + std::string(url) + "'");
  }
  state::Source source;
  source.name = name;
  SPILLWAY_ASSIGN(source.url, Canonical(working_folder_, url));
  source.created_at =
      std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  return source;
}

// What became of literal secrets among options.
struct SourceRegistry::Kept {
  std::vector<std::string> references;
  std::vector<std::string> warnings;
};

// Fills in the options, literal secrets kept apart.
Status SourceRegistry::KeepOptions(const Context& context,
                                   const std::map<std::string, std::string>& storage_options,
                                   state::Source* source, Kept* all) const {
  for (const auto& [given_option, value] : storage_options) {
    const std::string option = OptionName(given_option);
    if (source->storage_options.contains(option)) {
      return Status(ErrorClass::kInvalidArgument, "storage option " + option + " is given twice");
    }
    std::string written = value;
    if (HoldsSecret(option, value) || LooksLikeSecretReference(value)) {
      SPILLWAY_ASSIGN(KeptSecret kept,
                      secrets_->Keep(context, "source/" + source->name + "/" + option, value));
      written = std::move(kept.reference);
      if (!LooksLikeSecretReference(value)) all->references.push_back(written);
      if (!kept.warning.empty()) all->warnings.push_back(std::move(kept.warning));
    }
    source->storage_options.emplace(option, std::move(written));
  }
  return Status();
}

// Removes secrets that nothing refers to any more, a stop or not.
Status SourceRegistry::DropAll(const std::vector<std::string>& references) const {
  const Context brief = Context().Within(kDropTime);
  for (const std::string& reference : references) SPILLWAY_TRY(secrets_->Drop(brief, reference));
  return Status();
}

Result<std::vector<std::string>> SourceRegistry::Add(
    const Context& context, std::string_view name, std::string_view url,
    const std::map<std::string, std::string>& storage_options) const {
  SPILLWAY_ASSIGN(state::Source source, Make(name, url));
  // Before secrets are kept: those of a source that is there must stay as they are.
  const auto present = store_->GetSource(context, name);
  if (present.ok()) {
    return Status(ErrorClass::kAlreadyExists, "there is a source " + source.name + " already")
        .With("name", source.name)
        .Mend("Remove it first: spillway source remove " + source.name + ".");
  }
  if (present.status().error_class() != ErrorClass::kSourceNotFound) return present.status();
  Kept kept;
  Status written = KeepOptions(context, storage_options, &source, &kept);
  if (written.ok()) written = store_->AddSource(context, source);
  if (!written.ok()) {
    static_cast<void>(DropAll(kept.references));
    return written;
  }
  return std::move(kept.warnings);
}

Result<std::vector<std::string>> SourceRegistry::Change(
    const Context& context, std::string_view name, std::string_view url,
    const std::map<std::string, std::string>& storage_options) const {
  SPILLWAY_ASSIGN(state::Source source, Make(name, url));
  SPILLWAY_ASSIGN(const state::Source before, store_->GetSource(context, name));
  Kept kept;
  Status written = KeepOptions(context, storage_options, &source, &kept);
  if (written.ok()) written = store_->ChangeSource(context, source);
  if (!written.ok()) {
    static_cast<void>(DropAll(kept.references));
    return written;
  }
  std::vector<std::string> replaced;
  for (const auto& [option, value] : before.storage_options) {
    const auto now = source.storage_options.find(option);
    if (now == source.storage_options.end() || now->second != value) replaced.push_back(value);
  }
  SPILLWAY_TRY(DropAll(replaced));
  return std::move(kept.warnings);
}

Status SourceRegistry::Remove(const Context& context, std::string_view name) const {
  SPILLWAY_TRY(store_->RemoveSource(context, name));
  return secrets_->Forget(context, "source/" + std::string(name));
}

std::string OptionName(std::string_view option) { return Lower(option); }

bool IsSecretOption(std::string_view option) {
  const std::string name = OptionName(option);
  // Names that hold one of the words below and are no secret.
  for (const std::string_view open :
       {"access_key_id", "_file", "_path", "endpoint", "token_uri", "_url", "tenant", "disable",
        "skip", "allow", "use_", "sse_kms_key_id", "encryption_key_id", "bucket_key",
        "application_credentials", "_uri"}) {
    if (name.find(open) != std::string::npos) return false;
  }
  for (const std::string_view word : {"secret", "token", "password", "key", "sas", "signature",
                                      "private", "credential", "connection_string"}) {
    if (name.find(word) != std::string::npos) return true;
  }
  return false;
}

bool HoldsSecret(std::string_view option, std::string_view value) {
  if (IsSecretOption(option)) return true;
  const auto scheme = value.find("://");
  if (scheme == std::string_view::npos) return false;
  const std::string_view rest = value.substr(scheme + 3);
  const auto at = rest.rfind('@');
  return at != std::string_view::npos && rest.substr(0, at).find(':') != std::string_view::npos;
}

std::map<std::string, std::string> RedactOptions(
    const std::map<std::string, std::string>& options) {
  std::map<std::string, std::string> shown = options;
  for (auto& [option, value] : shown) {
    if (HoldsSecret(option, value) && !LooksLikeSecretReference(value)) value = "***";
  }
  return shown;
}

}  // namespace spillway::source
