/* The catalog of an imagined database, for the tests, the fuzz target and the bench of classification. */
#ifndef TANIST_TESTS_CLASSIFY_CATALOG_H
#define TANIST_TESTS_CLASSIFY_CATALOG_H

#include <stddef.h>

#include "../../proxy/core/catalog.h"
#include "../../replication/base/bug.h"

/* Separated by blanks. */
static const char classify_safe_functions[] =
    "abs acos age any_value array_agg array_append array_cat array_dims array_fill array_length "
    "array_lower "
    "array_ndims array_position array_positions array_prepend array_remove array_replace "
    "array_to_json "
    "array_to_string array_upper ascii asin atan atan2 avg bit_and bit_count bit_length bit_or "
    "bit_xor bool_and "
    "bool_or box btrim cardinality cbrt ceil ceiling char_length character_length chr circle "
    "clock_timestamp "
    "coalesce_text col_description concat concat_ws convert convert_from convert_to corr cos cosh "
    "cot count "
    "covar_pop covar_samp cume_dist current_database current_query current_schema current_schemas "
    "date date_bin "
    "date_part date_trunc decode degrees dense_rank div encode enum_first enum_last enum_range "
    "every exp "
    "factorial first_value floor format format_type gcd gen_random_uuid generate_series "
    "generate_subscripts "
    "get_bit get_byte get_current_ts_config has_column_privilege has_schema_privilege "
    "has_table_privilege hashtext "
    "height host hostmask initcap int4 int8 isempty isfinite json_agg json_array_elements "
    "json_array_elements_text "
    "json_array_length json_build_array json_build_object json_each json_each_text "
    "json_extract_path "
    "json_extract_path_text json_object_agg json_object_keys json_populate_record json_strip_nulls "
    "json_to_record json_to_recordset json_typeof jsonb_agg jsonb_array_elements "
    "jsonb_array_elements_text "
    "jsonb_array_length jsonb_build_object jsonb_each jsonb_each_text jsonb_insert "
    "jsonb_object_agg "
    "jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array "
    "jsonb_path_query_first jsonb_populate_record jsonb_pretty jsonb_set jsonb_strip_nulls "
    "jsonb_to_record "
    "jsonb_to_recordset jsonb_typeof json_object json_value json_query json_exists justify_days "
    "justify_hours "
    "justify_interval lag last_value lcm lead left length ln log log10 lower lower_inf lpad ltrim "
    "make_date "
    "make_interval make_time make_timestamp make_timestamptz masklen max md5 min mod mode "
    "multirange name netmask "
    "network normalize now nth_value ntile num_nonnulls num_nulls numnode obj_description "
    "octet_length "
    "parse_ident percent_rank percentile_cont percentile_disc pg_column_size pg_database_size "
    "pg_encoding_to_char "
    "pg_function_is_visible pg_get_constraintdef pg_get_expr pg_get_functiondef pg_get_indexdef "
    "pg_get_keywords "
    "pg_get_serial_sequence pg_get_userbyid pg_get_viewdef pg_has_role pg_relation_size "
    "pg_size_bytes "
    "pg_size_pretty pg_sleep pg_sleep_for pg_sleep_until pg_table_is_visible pg_table_size "
    "pg_total_relation_size "
    "pg_typeof pg_type_is_visible phraseto_tsquery pi plainto_tsquery point polygon position power "
    "quote_ident "
    "quote_literal quote_nullable radians random range_agg range_merge rank regexp_count "
    "regexp_like regexp_match "
    "regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regr_slope repeat "
    "replace reverse "
    "right round row_number row_to_json rpad rtrim scale set_bit set_byte setweight sha256 "
    "shobj_description sign "
    "similar_escape sin sinh split_part sqrt starts_with statement_timestamp stddev stddev_pop "
    "stddev_samp string_agg "
    "string_to_array string_to_table strip strpos substr sum tan tanh text timeofday timezone "
    "to_ascii to_char "
    "to_date to_hex to_json to_jsonb to_number to_regclass to_timestamp to_tsquery to_tsvector "
    "transaction_timestamp "
    "translate trim_array trim_scale trunc ts_debug ts_headline ts_lexize ts_parse ts_rank "
    "ts_rank_cd tsvector_to_array "
    "unistr unnest upper upper_inf var_pop var_samp variance version websearch_to_tsquery "
    "width_bucket xmlagg "
    "xmlcomment xml_is_well_formed xpath xpath_exists area center diameter inet_same_family "
    "daterange int4range "
    "int8range numrange tsrange tstzrange int4multirange bpchar float8 numeric_safe safe_fn "
    "st_asgeojson cube_distance "
    "like overlaps substring overlay f g h my_safe safe varchar_safe total_of encode_id Quoted "
    "\xc3\xa9t\xc3\xa9";

static const char classify_volatile_functions[] =
    "setseed nextval setval currval lastval set_config pg_notify pg_advisory_lock "
    "pg_advisory_unlock pg_reload_conf "
    "pg_terminate_backend lo_create lo_unlink lo_import query_to_xml ts_stat pg_switch_wal "
    "pg_promote volatile_fn "
    "write_audit bernoulli system mixed over_written materialized_volatile rollup_volatile "
    "escape_volatile groups";

/* They may change the session, as may naming the view. */
static const char classify_loud_functions[] = "loud_fn loud_safe";

static const char classify_primary_relations[] =
    "unlogged_t foreign_t temp_t v_volatile some_seq Mixed_Case";

/* Of words in a list. False at the end. */
static inline bool classify_next_word(const char **list, struct slice *word)
{
    const char *p = *list;
    while (*p == ' ')
        p++;
    const char *from = p;
    while (*p && *p != ' ')
        p++;
    *list = p;
    *word = (struct slice){.p = from, .n = (size_t)(p - from)};
    return p > from;
}

/* A sealed catalog in static memory. */
static inline const struct catalog *classify_test_catalog(void)
{
    static _Alignas(16) char mem[128 * 1024];
    static struct catalog c;
    if (c.sealed)
        return &c;
    int rc = catalog_init(&c, mem, sizeof(mem));
    BUG_ON(rc < 0);
    struct slice word;
    for (const char *list = classify_safe_functions; classify_next_word(&list, &word);) {
        rc = catalog_add_function(&c, word, false);
        BUG_ON(rc < 0);
    }
    for (const char *list = classify_volatile_functions; classify_next_word(&list, &word);) {
        rc = catalog_add_function(&c, word, true);
        BUG_ON(rc < 0);
    }
    for (const char *list = classify_primary_relations; classify_next_word(&list, &word);) {
        rc = catalog_add_relation(&c, word);
        BUG_ON(rc < 0);
    }
    for (const char *list = classify_loud_functions; classify_next_word(&list, &word);) {
        const bool safe = word.p[word.n - 1] == 'e';
        rc = catalog_add(&c, word,
                         CATALOG_BIT_LOUD | (safe ? CATALOG_BIT_SAFE : CATALOG_BIT_UNSAFE));
        BUG_ON(rc < 0);
    }
    rc = catalog_add(&c, slice_of("v_loud"), CATALOG_BIT_SPEAKS);
    BUG_ON(rc < 0);
    catalog_seal(&c);
    return &c;
}

#endif
