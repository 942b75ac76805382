// The Delta schema document (Delta protocol, "Schema Serialization Format") in both directions.

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "data/schema.h"
#include "data/type_text.h"

namespace spillway::data {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using Json = nlohmann::ordered_json;

constexpr int kMaxDepth = 100;
constexpr const char* kCharLengths = "__CHAR_VARCHAR_TYPE_STRING";
constexpr const char* kColumnId = "delta.columnMapping.id";

Status Corrupt(const std::string& path, const std::string& reason) {
  return Status(ErrorClass::kDeltaLogCorrupt, "the table's schema is no Delta schema: " +
                                                  (path.empty() ? "" : path + ": ") + reason)
      .With("column", path);
}

Result<Type> ParseType(const Json& json, const std::string& path, int depth);

Result<Type> ParsePrimitive(const std::string& name, const std::string& path) {
  const auto type = ParsePrimitiveName(name);
  if (!type) {
    return Status(ErrorClass::kUnsupportedColumnType,
                  "type " + name + " of column " + path + " is unknown to this release")
        .With("column", path)
        .With("type", name);
  }
  if (type->kind == TypeKind::kDecimal && (type->precision < 1 || type->precision > 38 ||
                                           type->scale < 0 || type->scale > type->precision)) {
    return Corrupt(path, name + " is no decimal type");
  }
  return *type;
}

Result<Field> ParseField(const Json& json, const std::string& parent, int depth) {
  if (!json.is_object()) return Corrupt(parent, "a field is no object");
  const auto name = json.find("name");
  if (name == json.end() || !name->is_string()) return Corrupt(parent, "a field has no name");
  Field field;
  field.name = name->get<std::string>();
  const std::string path = parent.empty() ? field.name : parent + "." + field.name;
  const auto type = json.find("type");
  if (type == json.end()) return Corrupt(path, "it has no type");
  SPILLWAY_ASSIGN(field.type, ParseType(*type, path, depth));
  if (const auto nullable = json.find("nullable"); nullable != json.end()) {
    if (!nullable->is_boolean()) return Corrupt(path, "nullable is no boolean");
    field.nullable = nullable->get<bool>();
  }
  const auto metadata = json.find("metadata");
  if (metadata == json.end() || metadata->is_null()) return field;
  if (!metadata->is_object()) return Corrupt(path, "metadata is no object");
  if (const auto id = metadata->find(kColumnId); id != metadata->end()) {
    if (!id->is_number_integer()) return Corrupt(path, "the column id is no integer");
    field.id = id->get<std::int64_t>();
  }
  if (const auto comment = metadata->find("comment");
      comment != metadata->end() && comment->is_string()) {
    field.comment = comment->get<std::string>();
  }
  if (const auto lengths = metadata->find(kCharLengths);
      lengths != metadata->end() && lengths->is_string()) {
    ApplyCharLengths(lengths->get_ref<const std::string&>(), &field.type);
  }
  return field;
}

Result<std::vector<Field>> ParseFields(const Json& json, const std::string& path, int depth) {
  const auto fields = json.find("fields");
  if (fields == json.end() || !fields->is_array()) return Corrupt(path, "a struct has no fields");
  std::vector<Field> parsed;
  std::set<std::string> names;
  for (const Json& item : *fields) {
    SPILLWAY_ASSIGN(Field field, ParseField(item, path, depth));
    if (!names.insert(field.name).second) return Corrupt(path, "two fields named " + field.name);
    parsed.push_back(std::move(field));
  }
  return parsed;
}

/// A nested field that is named by its role: element, key, value.
Result<Field> ParseRole(const Json& json, const char* member, const char* nullable,
                        const char* role, const std::string& path, int depth) {
  const auto type = json.find(member);
  if (type == json.end()) return Corrupt(path, std::string(member) + " is missing");
  Field field{.name = role, .type = {}, .nullable = false, .id = std::nullopt, .comment = {}};
  SPILLWAY_ASSIGN(field.type, ParseType(*type, path + "." + role, depth));
  if (nullable != nullptr) {
    const auto flag = json.find(nullable);
    if (flag == json.end() || !flag->is_boolean()) {
      return Corrupt(path, std::string(nullable) + " is no boolean");
    }
    field.nullable = flag->get<bool>();
  }
  return field;
}

Result<Type> ParseType(const Json& json, const std::string& path, int depth) {
  if (depth > kMaxDepth) {
    return Status(ErrorClass::kUnsupportedColumnType,
                  "the type of a column is nested more than " + std::to_string(kMaxDepth) +
                      " levels deep: " + path.substr(0, path.find('.')))
        .With("column", path.substr(0, path.find('.')));
  }
  if (json.is_string()) return ParsePrimitive(json.get<std::string>(), path);
  if (!json.is_object()) return Corrupt(path, "a type is neither a name nor an object");
  const auto kind = json.find("type");
  if (kind == json.end() || !kind->is_string()) return Corrupt(path, "a nested type has no name");
  Type type;
  if (*kind == "struct") {
    type.kind = TypeKind::kStruct;
    SPILLWAY_ASSIGN(type.children, ParseFields(json, path, depth + 1));
  } else if (*kind == "array") {
    type.kind = TypeKind::kArray;
    SPILLWAY_ASSIGN(Field element,
                    ParseRole(json, "elementType", "containsNull", "element", path, depth + 1));
    type.children.push_back(std::move(element));
  } else if (*kind == "map") {
    type.kind = TypeKind::kMap;
    SPILLWAY_ASSIGN(Field key, ParseRole(json, "keyType", nullptr, "key", path, depth + 1));
    SPILLWAY_ASSIGN(Field value,
                    ParseRole(json, "valueType", "valueContainsNull", "value", path, depth + 1));
    type.children.push_back(std::move(key));
    type.children.push_back(std::move(value));
  } else if (*kind == "udt" && json.contains("sqlType")) {
    return ParseType(json["sqlType"], path, depth + 1);
  } else {
    return Status(ErrorClass::kUnsupportedColumnType, "nested type " + kind->get<std::string>() +
                                                          " of column " + path +
                                                          " is unknown to this release")
        .With("column", path)
        .With("type", kind->get<std::string>());
  }
  return type;
}

bool HasCharLengths(const Type& type) {
  if (type.length > 0) return true;
  for (const Field& child : type.children) {
    if (HasCharLengths(child.type)) return true;
  }
  return false;
}

Json FormatType(const Type& type);

/// `spell_lengths`: at the top level, whose metadata speaks for all below it.
Json FormatFields(const std::vector<Field>& fields, bool spell_lengths) {
  Json list = Json::array();
  for (const Field& field : fields) {
    Json metadata = Json::object();
    if (!field.comment.empty()) metadata["comment"] = field.comment;
    if (spell_lengths && HasCharLengths(field.type)) {
      metadata[kCharLengths] = field.type.ToString();
    }
    Json item = Json::object();
    item["name"] = field.name;
    item["type"] = FormatType(field.type);
    item["nullable"] = field.nullable;
    item["metadata"] = std::move(metadata);
    list.push_back(std::move(item));
  }
  return list;
}

Json FormatType(const Type& type) {
  if (!type.is_nested()) return DeltaName(type);
  Json json = Json::object();
  if (type.kind == TypeKind::kArray) {
    json["type"] = "array";
    json["elementType"] = FormatType(type.children[0].type);
    json["containsNull"] = type.children[0].nullable;
  } else if (type.kind == TypeKind::kMap) {
    json["type"] = "map";
    json["keyType"] = FormatType(type.children[0].type);
    json["valueType"] = FormatType(type.children[1].type);
    json["valueContainsNull"] = type.children[1].nullable;
  } else {
    json["type"] = "struct";
    json["fields"] = FormatFields(type.children, false);
  }
  return json;
}

}  // namespace

Result<Schema> ParseDeltaSchema(std::string_view json) {
  const auto document = Json::parse(json, nullptr, false);
  if (document.is_discarded()) return Corrupt("", "it is no JSON");
  if (!document.is_object() || !document.contains("type") || document["type"] != "struct") {
    return Corrupt("", "it is no struct");
  }
  Schema schema;
  SPILLWAY_ASSIGN(schema.fields, ParseFields(document, "", 0));
  return schema;
}

std::string FormatDeltaSchema(const Schema& schema) {
  Json json = Json::object();
  json["type"] = "struct";
  json["fields"] = FormatFields(schema.fields, true);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace spillway::data
