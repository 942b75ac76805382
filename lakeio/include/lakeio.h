/* lakeio: Delta log, Parquet and object stores behind a C ABI.
 *
 * Rules that hold for every function here
 *  - A function that can fail returns `lakeio_error*`: NULL is success, anything else is owned by the caller and is
 *    given back with lakeio_error_free. Out-parameters are written on success only.
 *  - Strings are UTF-8 and NUL-terminated. A returned `char*` is owned by the caller: lakeio_string_free.
 *  - Requests and descriptions are JSON documents; their members are given at each function. An unknown member of a
 *    request is an error (code Invalid), so that a misspelt option is never ignored.
 *  - Bulk data crosses only as Arrow C Data/Stream Interface structs; a stream's get_next returns an errno and
 *    get_last_error returns the same JSON text that lakeio_error_json gives, so that the class survives the crossing.
 *  - Handles may be used from several threads at once, except a stream, which belongs to one thread at a time.
 *  - `lakeio_call` bounds everything that may block. No panic and no exception crosses; a panic inside is reported as
 *    code Internal.
 */
#ifndef SPILLWAY_LAKEIO_H_
#define SPILLWAY_LAKEIO_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ArrowArrayStream;

/* Grows when any signature or document below changes; lakeio_abi_version() must return the same number. */
#define LAKEIO_ABI_VERSION 3

typedef struct lakeio_runtime lakeio_runtime; /* thread pool, object-store cache, metrics: one per process is enough */
typedef struct lakeio_cancel lakeio_cancel;   /* a flag that another thread raises */
typedef struct lakeio_table lakeio_table;     /* one version of one table, immutable */

/* What the caller should do about an error. The numbers are spillway::base::Code's. */
typedef enum lakeio_code {
  LAKEIO_OK = 0,
  LAKEIO_INVALID = 1,
  LAKEIO_NOT_FOUND = 2,
  LAKEIO_ALREADY_EXISTS = 3,
  LAKEIO_CONFLICT = 4,
  LAKEIO_UNAVAILABLE = 5,
  LAKEIO_THROTTLED = 6,
  LAKEIO_UNAUTHORIZED = 7,
  LAKEIO_UNSUPPORTED = 8,
  LAKEIO_BAD_ROW = 9,
  LAKEIO_DATA_LOSS = 10,
  LAKEIO_CANCELLED = 11,
  LAKEIO_DEADLINE_EXCEEDED = 12,
  LAKEIO_INTERNAL = 13
} lakeio_code;

/* `error_class` is one of the classes of docs/reference/errors.md (SOURCE_NOT_FOUND, DELTA_LOG_MISSING, …).
 * `message` is fixed text first, variables last; `object` the URL of the object concerned or ""; `details` a JSON
 * object of strings, never with a secret in it; `retryable` is 1 when the same call may succeed later. */
typedef struct lakeio_error {
  lakeio_code code;
  int32_t retryable;
  const char* error_class;
  const char* message;
  const char* object;
  const char* details;
} lakeio_error;

/* Bounds of one call: `timeout_ms` from now (0: none) and an optional flag. A stream made by a call keeps the flag
 * (which must outlive it) and not the timeout. */
typedef struct lakeio_call {
  int64_t timeout_ms;
  const lakeio_cancel* cancel;
} lakeio_call;

/* Asks for the storage options of `url` afresh (expired credentials). Answers with a JSON object of strings that the
 * callee allocates with malloc, or NULL for "no others known". Called from any thread. */
typedef char* (*lakeio_credentials_fn)(void* context, const char* url);

uint32_t lakeio_abi_version(void);
void lakeio_error_free(lakeio_error* error);
/* {"code","retryable","class","message","object","details"}; owned by the caller. */
char* lakeio_error_json(const lakeio_error* error);
void lakeio_string_free(char* text);

/* options: {"threads": n (default 2), "connect_timeout_ms": 5000, "request_timeout_ms": 30000, "max_retries": 5,
 *           "retry_budget_ms": 60000, "allow_http": true}.
 * `credentials` may be NULL. */
lakeio_error* lakeio_runtime_new(const char* options, lakeio_credentials_fn credentials, void* context,
                                 lakeio_runtime** out);
void lakeio_runtime_free(lakeio_runtime* runtime);
/* {"stores": [{"url", "requests", "retries", "bytes_read", "bytes_written", "errors", "wait_ms"}]} since the start. */
lakeio_error* lakeio_runtime_metrics(const lakeio_runtime* runtime, char** out);

lakeio_cancel* lakeio_cancel_new(void);
void lakeio_cancel_raise(lakeio_cancel* cancel);
void lakeio_cancel_free(lakeio_cancel* cancel);

/* LOCATION: {"url": "/path" | "file:" | "s3:" | "abfss:" | "az:" | "gs:", "storage_options": {"k": "v"}} with
 * delta-rs' key names; what is missing comes from the environment (AWS_*, AZURE_STORAGE_*, GOOGLE_*). */

/* Which credential LOCATION would use and whether the store answers:
 * {"store", "credential": "environment" | "options" | "profile NAME" | …, "reachable", "listable", "error": {…}?}. */
lakeio_error* lakeio_store_probe(lakeio_runtime* runtime, const lakeio_call* call, const char* location, char** out);

/* Opens a version: LOCATION + {"version": n} or {"timestamp_us": n} (the last commit at or before it) or neither. */
lakeio_error* lakeio_table_open(lakeio_runtime* runtime, const lakeio_call* call, const char* request,
                                lakeio_table** out);
void lakeio_table_free(lakeio_table* table);

/* {"url", "version", "table_id", "commit_fingerprint" (hex of a hash over the bytes of N.json; when that is gone by
 *  retention, over the names, sizes and times of the files of N's checkpoint), "timestamp_us" (of the commit: in-commit timestamp where enabled), "schema": Delta schema
 *  (logical, with column-mapping metadata), "partition_columns": [], "clustering_columns": [], "properties": {},
 *  "reader_version", "writer_version", "features": [], "primary_key": [] (from delta.constraints or
 *  spillway.primary_key where present, else empty), "name", "description", "created_us", "warnings": ["…"]}. */
lakeio_error* lakeio_table_describe(const lakeio_table* table, const lakeio_call* call, char** out);

/* {"files", "bytes", "rows" (null when a file lacks the statistic), "deletion_vectors"}: one pass over the listing. */
lakeio_error* lakeio_table_totals(const lakeio_table* table, const lakeio_call* call, char** out);

/* Cheap "has anything changed?": LOCATION + {"version", "commit_fingerprint"} of a recorded position.
 * {"state": "same" (version listed, fingerprint equal, nothing after it) | "follows" (equal, newer commits exist)
 *  | "other" (version gone or another one), "latest_version": n or null}. One listing and one read. */
lakeio_error* lakeio_observe(lakeio_runtime* runtime, const lakeio_call* call, const char* request, char** out);

/* Newest first: LOCATION + {"limit": n (0: all)}. [{"version", "timestamp_us", "operation", "parameters": {},
 *  "metrics": {}, "engine", "user"}]. */
lakeio_error* lakeio_history(lakeio_runtime* runtime, const lakeio_call* call, const char* request, char** out);

/* READ SPEC: {"columns": [name, …] (top-level, logical; absent: all but void), "predicate": PREDICATE or absent,
 *             "row_position": bool (appends columns "_file" utf8 and "_row" int64, position within the file),
 *             "partition_zone": "UTC" (zone of timestamp partition values that name none: UTC or an offset)}.
 * PREDICATE, version 1, a tree of objects with "op":
 *   {"op":"and"|"or","args":[…]} {"op":"not","arg":…} {"op":"is_null"|"is_not_null","arg":COLUMN}
 *   {"op":"="|"<>"|"<"|"<="|">"|">="|"is_distinct"|"is_not_distinct","left":OPERAND,"right":OPERAND}
 *   {"op":"in","arg":OPERAND,"values":[LITERAL…]}  {"op":"like","arg":COLUMN,"pattern":"…","escape":"\\"|null}
 *   {"op":"literal","value":true|false|null}
 *   OPERAND = COLUMN | LITERAL; COLUMN = {"column":["a","b"]} (path through structs)
 *   LITERAL = {"type": Delta primitive type name, "value": string form (as Delta partition values, timestamps with zone;
 *              binary as hex) or null}.
 * Three-valued logic: a row is kept exactly when the predicate is TRUE. Comparisons are Spark's: NaN equals NaN and is
 * greater than every number, -0.0 equals 0.0, strings by UTF-8 bytes; decimals, integers and floats compare by value.
 *
 * Compiles READ SPEC against the table into the scan document that every split of it is read with: versioned, plain,
 * self-contained JSON with no secret and no local state, equal input giving equal bytes. */
lakeio_error* lakeio_table_scan(const lakeio_table* table, const lakeio_call* call, const char* read_spec, char** out);

/* Splits of a scan as a stream with the columns "split" binary, "path" utf8, "rows" int64 (null: unknown), "bytes"
 * int64 (compressed), in a deterministic order. Files that statistics rule out are left out. A file larger than
 * `target_split_bytes` becomes several splits by row groups where its footer allows it (0: never split; the footer of
 * each such file is read). Memory is bounded by a few batches, not by the number of files. */
lakeio_error* lakeio_table_splits(const lakeio_table* table, const lakeio_call* call, const char* scan,
                                  int64_t target_split_bytes, struct ArrowArrayStream* out);

/* Reads one split. The Arrow schema is the logical one: scan columns in order, logical names, types as below; nothing
 * of Parquet, column mapping, deletion vectors or partitioning shows.
 *   boolean bool · byte int8 · short int16 · integer int32 · long int64 · float, double · decimal decimal128(p,s)
 *   string, char, varchar utf8 · binary binary · date date32 · timestamp timestamp(us,"UTC") · timestamp_ntz
 *   timestamp(us) · array list · map map · struct struct · variant utf8 holding canonical JSON text, in which NaN,
 *   Infinity and -Infinity stand as bare words, with field metadata "spillway.type"="variant". Every field carries
 *   "spillway.id" = column-mapping id where the table has one.
 * options: {"batch_rows": 8192 (upper bound), "batch_bytes": 8388608 (upper bound aimed at), "memory_bytes": budget for
 *           pages and read-ahead of this stream, "check_text": true (a string that is not UTF-8 is
 *           CHARACTER_NOT_IN_REPERTOIRE; false gives its bytes, unless the predicate looks at the column: the caller
 *           must check utf8 arrays), "location": LOCATION overrides of the scan's url (credentials)}.
 * Filtered exactly by the predicate and the deletion vector. A value that cannot be represented exactly is an error
 * (DATA_FILE_CORRUPT, UNSUPPORTED_…), never NULL. `cancel` of the call is looked at between pages. */
lakeio_error* lakeio_split_read(lakeio_runtime* runtime, const lakeio_call* call, const char* scan,
                                const uint8_t* split, size_t split_length, const char* options,
                                struct ArrowArrayStream* out);

/* Creates an empty table: LOCATION + {"schema": Delta schema, "partition_columns": [], "properties": {}, "name"?}.
 * Every field of the schema says "nullable", as readers of the log demand.
 * {"version": 0}. ALREADY_EXISTS when a log is there; COMMIT_UNKNOWN when an answer was lost and the log cannot be
 * asked whether the table was created. */
lakeio_error* lakeio_table_create(lakeio_runtime* runtime, const lakeio_call* call, const char* request, char** out);

/* Appends the stream's rows (logical schema) in one commit: LOCATION + {"transaction": {"app_id", "version"}?,
 *  "operation": "WRITE", "target_file_bytes": 134217728}. {"version", "files", "rows", "bytes", "outcome":
 *  "committed" | "already"}; "already" when the transaction id is in the log. Takes ownership of the stream. Nothing of
 *  a failed append is visible. */
lakeio_error* lakeio_table_append(lakeio_runtime* runtime, const lakeio_call* call, const char* request,
                                  struct ArrowArrayStream* rows, char** out);

/* Writes the stream as one Parquet file (zstd): LOCATION of the file + {"row_group_rows": n}. {"rows","bytes"}. NaN and
 * infinities in variants become strings. The file appears whole or not at all. Takes ownership of the stream. */
lakeio_error* lakeio_parquet_write(lakeio_runtime* runtime, const lakeio_call* call, const char* request,
                                   struct ArrowArrayStream* rows, char** out);

#ifdef __cplusplus
}
#endif
#endif /* SPILLWAY_LAKEIO_H_ */
