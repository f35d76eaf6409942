// pgx 4: an automatic statement cache (prepare or describe), simple protocol, batches, CopyFrom, binary types, pgxpool.
package main

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgtype"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

type querier interface {
	QueryRow(ctx context.Context, query string, args ...interface{}) pgx.Row
	Exec(ctx context.Context, query string, args ...interface{}) (pgconn.CommandTag, error)
}

func text(q querier, query string, args ...interface{}) string {
	var s *string
	if err := q.QueryRow(bg, query, args...).Scan(&s); err != nil {
		return "!" + state(err)
	}
	return *s
}

func number(q querier, query string, args ...interface{}) int {
	k := -1
	if err := q.QueryRow(bg, query, args...).Scan(&k); err != nil {
		fmt.Println("#", strings.ReplaceAll(err.Error(), "\n", " "))
	}
	return k
}

func exec(q querier, query string, args ...interface{}) string {
	_, err := q.Exec(bg, query, args...)
	if err != nil {
		return state(err)
	}
	return ""
}

func dsn(more string) string {
	return strings.TrimSpace("application_name='drv pgx' connect_timeout=20 search_path='" + schema + ",public' " + more)
}

func connect(more string) *pgx.Conn {
	c, err := pgx.Connect(bg, dsn(more))
	must(err)
	return c
}

func main() {
	rounds, _ := strconv.Atoi(os.Getenv("DRV_ROUNDS"))
	c := connect("")

	section("parameters", func() {
		same("application_name", text(c, "SHOW application_name"), "drv pgx")
		same("search_path", text(c, "SHOW search_path"), schema+",public")
		same("ParameterStatus", c.PgConn().ParameterStatus("application_name"), "drv pgx")
		exec(c, "SET TIME ZONE 'Asia/Tokyo'")
		sticks("time zone sticks", "2026-01-01 09:00:00+09", func() string { return text(c, "SELECT '2026-01-01 00:00+00'::timestamptz::text") })
		exec(c, "SET TIME ZONE 'UTC'")
		exec(c, "SELECT set_config('app.tenant', $1, false)", "t1")
		sticks("a setting of its own sticks", "t1", func() string { return text(c, "SELECT current_setting('app.tenant')") })
	})
	section("tables", func() {
		same("create", exec(c, "CREATE TABLE items (id bigserial PRIMARY KEY, name text UNIQUE, n numeric, v int, tags text[], doc jsonb, raw bytea, at timestamptz)"), "")
		b := &pgx.Batch{}
		for i := 0; i < 500; i++ {
			b.Queue("INSERT INTO items (name, v) VALUES ($1, $2)", fmt.Sprint("i", i), i)
		}
		b.Queue("SELECT count(*)::int FROM items")
		r := c.SendBatch(bg, b)
		for i := 0; i < 500; i++ {
			_, err := r.Exec()
			must(err)
		}
		k := 0
		must(r.QueryRow().Scan(&k))
		must(r.Close())
		same("batch", k, 500)
		b = &pgx.Batch{}
		b.Queue("INSERT INTO items (name) VALUES ('b1')")
		b.Queue("SELECT 1 / 0")
		b.Queue("INSERT INTO items (name) VALUES ('b2')")
		same("batch with an error", state(c.SendBatch(bg, b).Close()), "22012")
		same("is undone as a whole", number(c, "SELECT count(*)::int FROM items WHERE name ~ '^b'"), 0)
	})
	section("types", func() {
		at := time.Date(2026, 2, 3, 4, 5, 6, 789012000, time.UTC)
		raw := make([]byte, 256)
		for i := range raw {
			raw[i] = byte(i)
		}
		var num pgtype.Numeric
		must(num.Set("123456789.000000001"))
		var id int64
		must(c.QueryRow(bg, "INSERT INTO items (n, tags, doc, raw, at) VALUES ($1, $2, $3, $4, $5) RETURNING id",
			&num, []string{"a", "b\"c"}, map[string]interface{}{"k": []int{1, 2}}, raw, at).Scan(&id))
		var tags []string
		var doc map[string][]int
		var b []byte
		var t time.Time
		var s string
		must(c.QueryRow(bg, "SELECT n::text, tags, doc, raw, at FROM items WHERE id = $1", id).Scan(&s, &tags, &doc, &b, &t))
		ok("binary round trip", s == "123456789.000000001" && tags[1] == "b\"c" && doc["k"][1] == 2 && reflect.DeepEqual(b, raw) && t.Equal(at), s, tags, doc, t)
	})
	section("caches", func() {
		for _, mode := range []string{"statement_cache_mode=prepare statement_cache_capacity=10", "statement_cache_mode=describe", "statement_cache_capacity=0", "prefer_simple_protocol=true"} {
			x := connect(mode)
			bad := 0
			for i := 0; i < 200; i++ {
				if number(x, "SELECT v FROM items WHERE name = $1", fmt.Sprint("i", i)) != i {
					bad++
				}
				if k := i % 30; number(x, fmt.Sprintf("SELECT $1::int + %d", k), i) != i+k {
					bad++
				}
			}
			same(mode, bad, 0)
			x.Close(bg)
		}
		_, err := c.Prepare(bg, "byname", "SELECT v FROM items WHERE name = $1")
		must(err)
		same("Prepare", number(c, "byname", "i7"), 7)
		must(c.Deallocate(bg, "byname"))
		o := connect("")
		for i := 0; i < 3; i++ {
			rows, _ := c.Query(bg, "SELECT * FROM items WHERE name = $1", "i1")
			rows.Close()
		}
		exec(o, "ALTER TABLE items ADD COLUMN extra int")
		good := false
		for i := 0; i < 3 && !good; i++ { // the first one may fail, as it does with PostgreSQL
			rows, err := c.Query(bg, "SELECT * FROM items WHERE name = $1", "i1")
			if err == nil {
				good = rows.Next() && len(rows.FieldDescriptions()) == 9
				rows.Close()
			}
		}
		ok("after another session's ALTER TABLE", good)
		o.Close(bg)
	})
	section("transactions", func() {
		tx, err := c.Begin(bg)
		must(err)
		exec(tx, "INSERT INTO items (name) VALUES ('t1')")
		sub, err := tx.Begin(bg)
		must(err)
		same("unique violation", exec(sub, "INSERT INTO items (name) VALUES ('t1')"), "23505")
		same("failed", exec(sub, "SELECT 1"), "25P02")
		must(sub.Rollback(bg))
		sub, _ = tx.Begin(bg)
		exec(sub, "INSERT INTO items (name) VALUES ('t2')")
		must(sub.Commit(bg))
		must(tx.Commit(bg))
		same("savepoints", number(c, "SELECT count(*)::int FROM items WHERE name IN ('t1', 't2')"), 2)
		tx, err = c.BeginTx(bg, pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadOnly, DeferrableMode: pgx.Deferrable})
		must(err)
		same("isolation", text(tx, "SHOW transaction_isolation"), "serializable")
		same("deferrable", text(tx, "SHOW transaction_deferrable"), "on")
		same("read only", exec(tx, "DELETE FROM items"), "25006")
		must(tx.Rollback(bg))
		tx, _ = c.Begin(bg)
		exec(tx, "SELECT 1/0")
		same("commit of a failed transaction", tx.Commit(bg), pgx.ErrTxCommitRollback)
	})
	section("cursors and large results", func() {
		tx, _ := c.Begin(bg)
		exec(tx, "DECLARE cur CURSOR FOR SELECT i FROM generate_series(1, 1000) i")
		sum := 0
		for more := true; more; {
			rows, err := tx.Query(bg, "FETCH 70 FROM cur")
			must(err)
			for more = false; rows.Next(); more = true {
				var i int
				must(rows.Scan(&i))
				sum += i
			}
		}
		must(tx.Commit(bg))
		same("cursor", sum, 500500)
		rows, err := c.Query(bg, "SELECT i, md5(i::text) FROM generate_series(1, 50000) i")
		must(err)
		k := 0
		for rows.Next() {
			k++
		}
		same("large result", k, 50000)
	})
	section("copy", func() {
		exec(c, "CREATE TABLE copied (a int, b text)")
		rows := [][]interface{}{}
		for i := 0; i < 10000; i++ {
			rows = append(rows, []interface{}{int32(i), fmt.Sprint("row", i)})
		}
		k, err := c.CopyFrom(bg, pgx.Identifier{"copied"}, []string{"a", "b"}, pgx.CopyFromRows(rows))
		must(err)
		same("CopyFrom, binary", k, int64(10000))
		var sb strings.Builder
		tag, err := c.PgConn().CopyTo(bg, &sb, "COPY (SELECT * FROM copied WHERE a < 100) TO STDOUT")
		must(err)
		same("CopyTo", tag.RowsAffected(), int64(100))
		_, err = c.PgConn().CopyFrom(bg, strings.NewReader("x\ty\n"), "COPY copied FROM STDIN")
		same("CopyFrom, bad data", state(err), "22P02")
		same("and on", number(c, "SELECT count(*)::int FROM copied"), 10000)
	})
	section("notify", func() {
		l := connect("")
		exec(l, "LISTEN drvx")
		for i := 0; i < 3; i++ {
			exec(c, "SELECT pg_notify('drvx', $1)", fmt.Sprint(i))
		}
		got := ""
		for len(got) < 3 {
			ctx, cancel := context.WithTimeout(bg, 20*time.Second)
			x, err := l.WaitForNotification(ctx)
			cancel()
			must(err)
			got += x.Payload
		}
		same("notifications", got, "012")
		exec(l, "UNLISTEN *")
		l.Close(bg)
	})
	section("objects", func() {
		o := connect("")
		exec(c, "CREATE TEMP TABLE mine AS SELECT '4711'::text AS a")
		sticks("temporary table", "4711", func() string { return text(c, "SELECT a FROM mine") })
		same("is nobody else's", exec(o, "SELECT a FROM mine"), "42P01")
		exec(c, "DROP TABLE mine")
		exec(c, "SELECT pg_advisory_lock(71)")
		same("advisory lock", text(o, "SELECT pg_try_advisory_lock(71)::text"), "false")
		same("unlock", text(c, "SELECT pg_advisory_unlock($1)::text", 71), "true")
		same("is free again", text(o, "SELECT pg_try_advisory_lock(71)::text"), "true")
		o.Close(bg)
		tx, _ := c.Begin(bg)
		los := tx.LargeObjects()
		id, err := los.Create(bg, 0)
		must(err)
		lo, err := los.Open(bg, id, pgx.LargeObjectModeRead|pgx.LargeObjectModeWrite)
		must(err)
		k, err := lo.Write(make([]byte, 100000))
		must(err)
		same("large object", k, 100000)
		must(lo.Close())
		must(los.Unlink(bg, id))
		must(tx.Commit(bg))
	})
	section("cancel", func() {
		cfg, _ := pgxpool.ParseConfig(dsn("pool_max_conns=6 pool_min_conns=2"))
		cfg.BeforeAcquire = func(ctx context.Context, c *pgx.Conn) bool { return c.Ping(ctx) == nil }
		cfg.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
			_, err := c.Exec(ctx, "SET statement_timeout = '59s'")
			return err
		}
		p, err := pgxpool.ConnectConfig(bg, cfg)
		must(err)
		ctx, cancel := context.WithTimeout(bg, 200*time.Millisecond)
		_, err = p.Exec(ctx, "SELECT pg_sleep(20)")
		cancel()
		ok("context with a deadline", err != nil)
		var wg sync.WaitGroup
		var mu sync.Mutex
		bad := 0
		for k := 0; k < 20; k++ {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := 0; i < 30; i++ {
					if number(p, "SELECT v FROM items WHERE name = $1", fmt.Sprint("i", i)) != i || text(p, "SHOW statement_timeout") != "59s" {
						mu.Lock()
						bad++
						mu.Unlock()
					}
				}
			}()
		}
		wg.Wait()
		same("a pool of six for twenty", bad, 0)
		p.Close()
	})
	section("own writes", func() {
		exec(c, "CREATE TABLE rw (id int PRIMARY KEY, v int)")
		bad := 0
		for i := 0; i < rounds; i++ {
			exec(c, "INSERT INTO rw VALUES ($1, $2)", i, 2*i)
			if number(c, "SELECT v FROM rw WHERE id = $1", i) != 2*i {
				bad++
			}
		}
		same("rounds of write and read", bad, 0)
	})
	c.Close(bg)
	done()
}
