// lib/pq over database/sql: unnamed and named statements, a pool, COPY by pq.CopyIn, listener, contexts that cancel.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/lib/pq"
)

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...interface{}) *sql.Row
	ExecContext(ctx context.Context, query string, args ...interface{}) (sql.Result, error)
}

func one(q querier, query string, args ...interface{}) string {
	var s sql.NullString
	if err := q.QueryRowContext(bg, query, args...).Scan(&s); err != nil {
		return "!" + state(err)
	}
	return s.String
}

func exec(q querier, query string, args ...interface{}) string {
	_, err := q.ExecContext(bg, query, args...)
	if err != nil {
		return state(err)
	}
	return ""
}

func dsn(more string) string {
	return "application_name='drv go-pq' connect_timeout=20 search_path='" + schema + ",public' " + more
}

func main() {
	rounds, _ := strconv.Atoi(os.Getenv("DRV_ROUNDS"))
	db, err := sql.Open("postgres", dsn(""))
	must(err)
	db.SetMaxOpenConns(6)
	must(db.Ping())
	c, err := db.Conn(bg)
	must(err)

	section("parameters", func() {
		same("application_name", one(c, "SHOW application_name"), "drv go-pq")
		same("search_path of the start-up packet", one(c, "SHOW search_path"), schema+",public")
		same("extra_float_digits", one(c, "SHOW extra_float_digits"), "2")
		same("SET", exec(c, "SET TIME ZONE 'Asia/Tokyo'"), "")
		sticks("time zone sticks", "2026-01-01 09:00:00+09", func() string { return one(c, "SELECT '2026-01-01 00:00+00'::timestamptz::text") })
		exec(c, "SET TIME ZONE 'UTC'")
	})
	section("tables", func() {
		same("create", exec(c, `CREATE TABLE items (id bigserial PRIMARY KEY, name text UNIQUE, n numeric, tags text[], doc jsonb, raw bytea, at timestamptz, b bool, f float8)`), "")
		st, err := c.PrepareContext(bg, "INSERT INTO items (name, n) VALUES ($1, $2)")
		must(err)
		for i := 0; i < 500; i++ {
			_, err := st.Exec(fmt.Sprint("i", i), i)
			must(err)
		}
		must(st.Close())
		same("rows", one(c, "SELECT count(*) FROM items"), "500")
	})
	section("types", func() {
		at := time.Date(2026, 2, 3, 4, 5, 6, 789012000, time.UTC)
		raw := make([]byte, 256)
		for i := range raw {
			raw[i] = byte(i)
		}
		doc, _ := json.Marshal(map[string]interface{}{"k": []int{1, 2}})
		var id int64
		must(c.QueryRowContext(bg, "INSERT INTO items (n, tags, doc, raw, at, b, f) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
			"123456789.000000001", pq.Array([]string{"a", "b\"c"}), doc, raw, at, true, 0.1).Scan(&id))
		var num, back string
		var tags []string
		var b []byte
		var t time.Time
		var yes bool
		var f float64
		must(c.QueryRowContext(bg, "SELECT n, tags, doc, raw, at, b, f FROM items WHERE id = $1", id).Scan(&num, pq.Array(&tags), &back, &b, &t, &yes, &f))
		ok("round trip", num == "123456789.000000001" && tags[1] == "b\"c" && back == `{"k": [1, 2]}` && reflect.DeepEqual(b, raw) && t.Equal(at) && yes && f == 0.1, num, tags, back, t)
	})
	section("prepared", func() {
		bad := 0
		st, err := db.Prepare("SELECT name FROM items WHERE n = $1") // on whatever connection of the pool
		must(err)
		var wg sync.WaitGroup
		var mu sync.Mutex
		for k := 0; k < 5; k++ {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := 0; i < 100; i++ {
					var s string
					if err := st.QueryRow(i).Scan(&s); err != nil || s != fmt.Sprint("i", i) {
						mu.Lock()
						bad++
						fmt.Println("#", err, s)
						mu.Unlock()
					}
				}
			}()
		}
		wg.Wait()
		same("one statement on a pool", bad, 0)
		st.Close()
		bp, err := sql.Open("postgres", dsn("binary_parameters=yes"))
		must(err)
		bad = 0
		for i := 0; i < 100; i++ {
			if one(bp, "SELECT name FROM items WHERE n = $1", i) != fmt.Sprint("i", i) {
				bad++
			}
		}
		same("binary_parameters", bad, 0)
		bp.Close()
		same("syntax error", exec(c, "SELEC $1", 1), "42601")
		same("several statements", exec(c, "UPDATE items SET b = true WHERE n = 1; UPDATE items SET b = false WHERE n = 2"), "")
	})
	section("transactions", func() {
		tx, err := c.BeginTx(bg, nil)
		must(err)
		same("insert", exec(tx, "INSERT INTO items (name) VALUES ('t1')"), "")
		exec(tx, "SAVEPOINT a")
		same("unique violation", exec(tx, "INSERT INTO items (name) VALUES ('t1')"), "23505")
		same("failed", one(tx, "SELECT 1"), "!25P02")
		exec(tx, "ROLLBACK TO a")
		exec(tx, "INSERT INTO items (name) VALUES ('t2')")
		must(tx.Commit())
		same("savepoint", one(c, "SELECT count(*) FROM items WHERE name IN ('t1', 't2')"), "2")
		tx, err = c.BeginTx(bg, nil)
		must(err)
		exec(tx, "DELETE FROM items")
		must(tx.Rollback())
		same("rollback", one(c, "SELECT count(*) > 100 FROM items"), "true")
		tx, err = c.BeginTx(bg, &sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true})
		must(err)
		same("isolation", one(tx, "SHOW transaction_isolation"), "serializable")
		same("read only", exec(tx, "DELETE FROM items"), "25006")
		must(tx.Rollback())
		same("commit of a failed transaction", func() string {
			tx, _ := c.BeginTx(bg, nil)
			exec(tx, "SELECT 1/0")
			if tx.Commit() != nil {
				return "an error"
			}
			return "none"
		}(), "an error")
	})
	section("copy", func() {
		exec(c, "CREATE TABLE copied (a int, b text)")
		tx, err := c.BeginTx(bg, nil)
		must(err)
		st, err := tx.Prepare(pq.CopyIn("copied", "a", "b"))
		must(err)
		for i := 0; i < 10000; i++ {
			_, err = st.Exec(i, fmt.Sprint("row\t", i))
			must(err)
		}
		_, err = st.Exec()
		must(err)
		must(st.Close())
		must(tx.Commit())
		same("COPY in", one(c, "SELECT count(*) FROM copied"), "10000")
		tx, _ = c.BeginTx(bg, nil)
		st, _ = tx.Prepare(pq.CopyIn("copied", "a", "b"))
		st.Exec("x", "y")
		_, err = st.Exec()
		same("COPY in, bad data", state(err), "22P02")
		tx.Rollback()
	})
	section("large", func() {
		rows, err := c.QueryContext(bg, "SELECT i, md5(i::text) FROM generate_series(1, 50000) i")
		must(err)
		k := 0
		for rows.Next() {
			k++
		}
		must(rows.Err())
		same("large result", k, 50000)
		rows, err = c.QueryContext(bg, "SELECT i FROM generate_series(1, 100000) i")
		must(err)
		rows.Next()
		must(rows.Close())
		same("closed early", one(c, "SELECT 5"), "5")
	})
	section("listener", func() {
		l := pq.NewListener(dsn(""), time.Second, time.Minute, nil)
		must(l.Listen("drvg"))
		for i := 0; i < 3; i++ {
			exec(c, "SELECT pg_notify('drvg', $1)", fmt.Sprint(i))
		}
		got := ""
		for len(got) < 3 {
			select {
			case x := <-l.Notify:
				if x != nil {
					got += x.Extra
				}
			case <-time.After(20 * time.Second):
				got += "timed out"
			}
		}
		same("notifications", got, "012")
		must(l.Ping())
		must(l.UnlistenAll())
		must(l.Close())
	})
	section("objects", func() {
		o, err := db.Conn(bg)
		must(err)
		exec(c, "CREATE TEMP TABLE mine AS SELECT 4711 AS a")
		sticks("temporary table", "4711", func() string { return one(c, "SELECT a FROM mine") })
		same("is nobody else's", one(o, "SELECT a FROM mine"), "!42P01")
		exec(c, "DROP TABLE mine")
		exec(c, "SELECT pg_advisory_lock(61)")
		same("advisory lock", one(o, "SELECT pg_try_advisory_lock(61)"), "false")
		same("unlock", one(c, "SELECT pg_advisory_unlock($1)", 61), "true")
		same("is free again", one(o, "SELECT pg_try_advisory_lock(61)"), "true")
		same("unlock", one(o, "SELECT pg_advisory_unlock(61)"), "true")
		o.Close()
	})
	section("cancel", func() {
		ctx, cancel := context.WithTimeout(bg, 300*time.Millisecond)
		_, err := db.ExecContext(ctx, "SELECT pg_sleep(20)")
		cancel()
		ok("context with a deadline", err != nil)
		same("and on", one(db, "SELECT 1"), "1")
	})
	section("own writes", func() {
		exec(c, "CREATE TABLE rw (id int PRIMARY KEY, v int)")
		bad := 0
		for i := 0; i < rounds; i++ {
			exec(c, "INSERT INTO rw VALUES ($1, $2)", i, 2*i)
			if one(c, "SELECT v FROM rw WHERE id = $1", i) != fmt.Sprint(2*i) {
				bad++
			}
		}
		same("rounds of write and read", bad, 0)
	})
	c.Close()
	db.Close()
	done()
}
