// PgJDBC: named server statements after prepareThreshold, fetch size (portals with row limits), batches, COPY, LISTEN.
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.*;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.*;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.PGStatement;
import org.postgresql.copy.CopyManager;
import org.postgresql.util.PGobject;

class Driver {
    static int n, failed;
    static final String schema = env("DRV_SCHEMA");
    static final int rounds = Integer.parseInt(env("DRV_ROUNDS"));

    interface Code {
        void run() throws Exception;
    }

    static String env(String name) {
        return System.getenv(name);
    }

    static void ok(String what, boolean cond, Object detail) {
        n++;
        System.out.println((cond ? "ok " : "not ok ") + n + " - " + what);
        if (!cond) {
            failed++;
            System.out.println("# " + what + ": " + detail);
        }
    }

    static void same(String what, Object got, Object expected) {
        ok(what, Objects.equals(got, expected), "got " + got + ", expected " + expected);
    }

    static void raises(String what, String state, Code code) {
        try {
            code.run();
            ok(what, false, "no error");
        } catch (SQLException e) {
            ok(what, state.equals(e.getSQLState()), e.getSQLState() + ": " + e.getMessage());
        } catch (Exception e) {
            ok(what, false, e);
        }
    }

    static void section(String name, Code code) {
        long begin = System.nanoTime();
        try {
            code.run();
        } catch (Exception e) {
            e.printStackTrace();
            ok(name + " runs", false, e);
        }
        System.out.printf("# ran: %s %.2f s%n", name, (System.nanoTime() - begin) / 1e9);
    }

    static Connection connect(String... more) throws SQLException {
        Properties p = new Properties();
        p.setProperty("user", env("PGUSER"));
        p.setProperty("password", env("PGPASSWORD"));
        p.setProperty("ApplicationName", "drv jdbc");
        p.setProperty("currentSchema", schema + ",public");
        p.setProperty("options", "-c statement_timeout=60s");
        p.setProperty("sslmode", env("PGSSLMODE"));
        p.setProperty("sslrootcert", env("PGSSLROOTCERT"));
        for (int i = 0; i < more.length; i += 2)
            p.setProperty(more[i], more[i + 1]);
        return DriverManager.getConnection("jdbc:postgresql://" + env("PGHOST") + ":" + env("PGPORT") + "/" + env("PGDATABASE"), p);
    }

    static Object one(Connection c, String sql, Object... args) throws SQLException {
        try (PreparedStatement st = c.prepareStatement(sql)) {
            for (int i = 0; i < args.length; i++)
                st.setObject(i + 1, args[i]);
            try (ResultSet r = st.executeQuery()) {
                r.next();
                return r.getObject(1);
            }
        }
    }

    static void exec(Connection c, String sql) throws SQLException {
        try (Statement st = c.createStatement()) {
            st.execute(sql);
        }
    }

    static void parameters(Connection c) throws Exception {
        same("ApplicationName", one(c, "SHOW application_name"), "drv jdbc");
        same("currentSchema", one(c, "SELECT current_schema()"), schema);
        same("options", one(c, "SHOW statement_timeout"), "1min");
        same("extra_float_digits", one(c, "SELECT 0.1::float8::text"), "0.1");
        same("the zone of the JVM", one(c, "SHOW timezone"), TimeZone.getDefault().getID());
        c.setClientInfo("ApplicationName", "renamed");
        Set<Object> seen = new HashSet<>();
        for (int i = 0; i < 20; i++)
            seen.add(one(c, "SHOW application_name"));
        same("setClientInfo sticks", seen, Set.of("renamed"));
        c.setSchema("pg_catalog");
        same("setSchema", one(c, "SELECT current_schema()"), "pg_catalog");
        c.setSchema(schema);
        same("and back", one(c, "SHOW search_path"), schema);
        ok("isValid", c.isValid(5), "");
        exec(c, "SET TIME ZONE 'Asia/Tokyo'");
        seen.clear();
        for (int i = 0; i < 20; i++)
            seen.add(one(c, "SELECT '2026-01-01 00:00+00'::timestamptz::text"));
        same("time zone sticks", seen, Set.of("2026-01-01 09:00:00+09"));
        exec(c, "RESET timezone");
    }

    static void tables(Connection c) throws Exception {
        exec(c, "CREATE TABLE orders (id serial PRIMARY KEY, name text UNIQUE, n numeric(20,5), tags text[], doc jsonb, raw bytea, at timestamptz, u uuid, d date, b boolean, f float8)");
        try (PreparedStatement st = c.prepareStatement("INSERT INTO orders (name, n) VALUES (?, ?)")) {
            for (int i = 0; i < 1000; i++) {
                st.setString(1, "o" + i);
                st.setBigDecimal(2, BigDecimal.valueOf(i));
                st.addBatch();
            }
            same("batch of 1000", Arrays.stream(st.executeBatch()).sum(), 1000);
        }
        try (PreparedStatement st = c.prepareStatement("INSERT INTO orders (name) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
            for (int i = 0; i < 50; i++) {
                st.setString(1, "k" + i);
                st.addBatch();
            }
            st.executeBatch();
            int keys = 0;
            try (ResultSet r = st.getGeneratedKeys()) {
                while (r.next())
                    keys++;
            }
            same("generated keys of a batch", keys, 50);
        }
        try (Statement st = c.createStatement()) {
            st.addBatch("INSERT INTO orders (name) VALUES ('b1')");
            st.addBatch("INSERT INTO orders (name) VALUES ('b1')");
            st.addBatch("INSERT INTO orders (name) VALUES ('b2')");
            st.executeBatch();
            ok("batch with an error", false, "no error");
        } catch (BatchUpdateException e) {
            same("batch with an error", e.getSQLState(), "23505");
        }
        DatabaseMetaData m = c.getMetaData();
        List<String> cols = new ArrayList<>();
        try (ResultSet r = m.getColumns(null, schema, "orders", null)) {
            while (r.next())
                cols.add(r.getString("COLUMN_NAME") + " " + r.getString("TYPE_NAME"));
        }
        same("metadata: columns", cols.subList(0, 4), List.of("id serial", "name text", "n numeric", "tags _text"));
        try (ResultSet r = m.getPrimaryKeys(null, schema, "orders")) {
            r.next();
            same("metadata: primary key", r.getString("COLUMN_NAME"), "id");
        }
    }

    static void types(Connection c) throws Exception {
        OffsetDateTime at = OffsetDateTime.of(2026, 2, 3, 4, 5, 6, 789012000, ZoneOffset.UTC);
        UUID u = UUID.randomUUID();
        byte[] raw = new byte[256];
        for (int i = 0; i < 256; i++)
            raw[i] = (byte) i;
        for (int round = 0; round < 8; round++) { // text first, binary after the threshold
            int id;
            try (PreparedStatement st = c.prepareStatement("INSERT INTO orders (n, tags, doc, raw, at, u, d, b, f) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id")) {
                PGobject doc = new PGobject();
                doc.setType("jsonb");
                doc.setValue("{\"k\": [1, null, \"ü\"]}");
                st.setBigDecimal(1, new BigDecimal("123456789.12345"));
                st.setArray(2, c.createArrayOf("text", new String[] {"a", "b\"c", null}));
                st.setObject(3, doc);
                st.setBytes(4, raw);
                st.setObject(5, at);
                st.setObject(6, u);
                st.setDate(7, java.sql.Date.valueOf("2026-02-03"));
                st.setBoolean(8, true);
                st.setDouble(9, 0.1);
                ResultSet r = st.executeQuery();
                r.next();
                id = r.getInt(1);
            }
            try (PreparedStatement st = c.prepareStatement("SELECT n, tags, doc, raw, at, u, d, b, f FROM orders WHERE id = ?")) {
                st.setInt(1, id);
                ResultSet r = st.executeQuery();
                r.next();
                boolean good = r.getBigDecimal(1).equals(new BigDecimal("123456789.12345"))
                    && Arrays.equals((String[]) r.getArray(2).getArray(), new String[] {"a", "b\"c", null})
                    && r.getString(3).equals("{\"k\": [1, null, \"ü\"]}") && Arrays.equals(r.getBytes(4), raw)
                    && r.getObject(5, OffsetDateTime.class).isEqual(at) && r.getObject(6).equals(u)
                    && r.getDate(7).toString().equals("2026-02-03") && r.getBoolean(8) && r.getDouble(9) == 0.1;
                if (round == 0 || round == 7 || !good)
                    ok("types round trip " + round, good, "");
            }
        }
    }

    static void prepared() throws Exception {
        for (String threshold : new String[] {"5", "1", "-1", "0"}) {
            try (Connection c = connect("prepareThreshold", threshold, "preparedStatementCacheQueries", "20")) {
                int bad = 0;
                for (int i = 0; i < 100; i++) {
                    Object got = one(c, "SELECT name FROM orders WHERE n = ?", i);
                    bad += got.equals("o" + i) ? 0 : 1;
                    bad += ((Number) one(c, "SELECT ?::int + " + i % 40, i)).intValue() == i + i % 40 ? 0 : 1;
                }
                same("prepareThreshold " + threshold, bad, 0);
            }
        }
        for (String mode : new String[] {"simple", "extendedForPrepared", "extendedCacheEverything"}) {
            try (Connection c = connect("preferQueryMode", mode)) {
                int bad = 0;
                for (int i = 0; i < 30; i++)
                    bad += one(c, "SELECT name FROM orders WHERE n = ?", i).equals("o" + i) ? 0 : 1;
                try (Statement st = c.createStatement()) {
                    ResultSet r = st.executeQuery("SELECT count(*) FROM orders WHERE n < 10");
                    r.next();
                    bad += r.getInt(1) == 10 ? 0 : 1;
                }
                same("preferQueryMode " + mode, bad, 0);
            }
        }
        try (Connection c = connect("autosave", "conservative"); Connection other = connect()) {
            PreparedStatement st = c.prepareStatement("SELECT * FROM orders WHERE n = ?");
            for (int i = 0; i < 8; i++) {
                st.setInt(1, i);
                st.executeQuery().close();
            }
            ok("the statement is a server's", ((PGStatement) st).isUseServerPrepare(), "");
            exec(other, "ALTER TABLE orders ADD COLUMN extra int");
            st.setInt(1, 3);
            ResultSet r = st.executeQuery();
            r.next();
            same("after another session's ALTER TABLE it is prepared anew", r.getString("name") + r.getMetaData().getColumnCount(), "o312");
            exec(c, "DEALLOCATE ALL");
            r = st.executeQuery();
            r.next();
            same("after DEALLOCATE ALL too", r.getString("name"), "o3");
            c.setAutoCommit(false);
            exec(other, "ALTER TABLE orders DROP COLUMN extra");
            r = st.executeQuery();
            r.next();
            same("and in a transaction with autosave", r.getString("name"), "o3");
            c.commit();
        }
    }

    static void transactions() throws Exception {
        try (Connection c = connect("readOnlyMode", "always")) {
            c.setAutoCommit(false);
            exec(c, "INSERT INTO orders (name) VALUES ('t1')");
            Savepoint s = c.setSavepoint("here");
            raises("unique violation", "23505", () -> exec(c, "INSERT INTO orders (name) VALUES ('t1')"));
            raises("failed transaction", "25P02", () -> one(c, "SELECT 1"));
            c.rollback(s);
            exec(c, "INSERT INTO orders (name) VALUES ('t2')");
            c.releaseSavepoint(s);
            c.commit();
            same("savepoint", one(c, "SELECT count(*) FROM orders WHERE name IN ('t1', 't2')"), 2L);
            c.rollback();
            exec(c, "DELETE FROM orders");
            c.rollback();
            ok("rollback", (Long) one(c, "SELECT count(*) FROM orders") > 1000, "");
            c.rollback();
            c.setReadOnly(true);
            c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            raises("read only", "25006", () -> exec(c, "DELETE FROM orders"));
            c.rollback();
            same("isolation", one(c, "SHOW transaction_isolation"), "serializable");
            c.rollback();
            c.setReadOnly(false);
            c.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
            exec(c, "INSERT INTO orders (name) VALUES ('t3')");
            c.commit();
            c.setAutoCommit(true);
            c.setReadOnly(true);
            raises("read only in autocommit", "25006", () -> exec(c, "DELETE FROM orders"));
            c.setReadOnly(false);
        }
        try (Connection c = connect("autosave", "always")) {
            c.setAutoCommit(false);
            exec(c, "INSERT INTO orders (name) VALUES ('s1')");
            raises("with autosave", "23505", () -> exec(c, "INSERT INTO orders (name) VALUES ('s1')"));
            same("the transaction goes on", one(c, "SELECT count(*) FROM orders WHERE name = 's1'"), 1L);
            c.rollback();
        }
    }

    static void cursors(Connection c) throws Exception {
        c.setAutoCommit(false);
        try (PreparedStatement st = c.prepareStatement("SELECT i FROM generate_series(1, ?) i")) {
            st.setFetchSize(97);
            st.setInt(1, 3000);
            long sum = 0;
            ResultSet r = st.executeQuery();
            for (int k = 0; r.next(); k++) {
                sum += r.getInt(1);
                if (k % 1000 == 5)
                    one(c, "SELECT 1");
            }
            same("fetch size, with other statements between", sum, 4501500L);
        }
        c.commit();
        c.setAutoCommit(true);
        try (Statement st = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
            ResultSet r = st.executeQuery("SELECT id, name, n FROM orders WHERE name = 'o5'");
            r.next();
            r.updateBigDecimal("n", new BigDecimal("5.5"));
            r.updateRow();
            same("updatable result", one(c, "SELECT n::text FROM orders WHERE name = 'o5'"), "5.50000");
        }
        try (Statement st = c.createStatement()) {
            st.setMaxRows(10);
            ResultSet r = st.executeQuery("SELECT i FROM generate_series(1, 100) i");
            int k = 0;
            while (r.next())
                k++;
            same("max rows (a portal left suspended)", k, 10);
        }
        try (Statement st = c.createStatement()) {
            ResultSet r = st.executeQuery("SELECT i, md5(i::text) FROM generate_series(1, 100000) i");
            int k = 0;
            while (r.next())
                k++;
            same("large result", k, 100000);
        }
        try (Statement st = c.createStatement()) {
            boolean rows = st.execute("SELECT 1; UPDATE orders SET b = true WHERE name = 'o1'; SELECT 2, 3");
            ok("several results", rows && !st.getMoreResults() && st.getUpdateCount() == 1 && st.getMoreResults(), "");
        }
    }

    static void copy(Connection c) throws Exception {
        exec(c, "CREATE TABLE copied (a int, b text)");
        CopyManager m = c.unwrap(PGConnection.class).getCopyAPI();
        StringBuilder b = new StringBuilder();
        for (int i = 0; i < 20000; i++)
            b.append(i).append("\trow ").append(i).append("\n");
        same("COPY in", m.copyIn("COPY copied FROM STDIN", new StringReader(b.toString())), 20000L);
        StringWriter w = new StringWriter();
        same("COPY out", m.copyOut("COPY (SELECT * FROM copied WHERE a < 100) TO STDOUT CSV", w), 100L);
        raises("COPY in, bad data", "22P02", () -> m.copyIn("COPY copied FROM STDIN", new StringReader("x\ty\n")));
        same("and on", one(c, "SELECT count(*) FROM copied"), 20000L);
    }

    static void listen(Connection c) throws Exception {
        try (Connection l = connect()) {
            exec(l, "LISTEN drvj");
            exec(c, "NOTIFY drvj, 'one'");
            one(c, "SELECT pg_notify('drvj', ?)::text", "two");
            List<String> got = new ArrayList<>();
            for (int i = 0; i < 50 && got.size() < 2; i++) {
                PGNotification[] ns = l.unwrap(PGConnection.class).getNotifications(500);
                for (PGNotification x : ns == null ? new PGNotification[0] : ns)
                    got.add(x.getParameter());
            }
            same("notifications", got, List.of("one", "two"));
            exec(l, "UNLISTEN *");
        }
    }

    static void objects(Connection c) throws Exception {
        try (Connection o = connect()) {
            exec(c, "CREATE TEMP TABLE mine AS SELECT 4711 AS a");
            Set<Object> seen = new HashSet<>();
            for (int i = 0; i < 10; i++)
                seen.add(one(c, "SELECT a FROM mine"));
            same("temporary table", seen, Set.of(4711));
            raises("is nobody else's", "42P01", () -> one(o, "SELECT a FROM mine"));
            exec(c, "DROP TABLE mine");
            one(c, "SELECT pg_advisory_lock(41)::text");
            same("advisory lock", one(o, "SELECT pg_try_advisory_lock(41)"), false);
            same("unlock", one(c, "SELECT pg_advisory_unlock(41)"), true);
            same("is free again", one(o, "SELECT pg_try_advisory_lock(41)"), true);
            same("unlock by the other", one(o, "SELECT pg_advisory_unlock(41)"), true);
        }
        c.setAutoCommit(false);
        var api = c.unwrap(PGConnection.class).getLargeObjectAPI();
        long oid = api.createLO();
        var lo = api.open(oid);
        lo.write(new byte[100000]);
        lo.seek(50000);
        same("large object", lo.read(60000).length, 50000);
        lo.close();
        api.delete(oid);
        c.commit();
        c.setAutoCommit(true);
        try (CallableStatement cs = c.prepareCall("{? = call upper(?)}")) {
            cs.registerOutParameter(1, Types.VARCHAR);
            cs.setString(2, "abc");
            cs.execute();
            same("callable", cs.getString(1), "ABC");
        }
        exec(c, "CREATE PROCEDURE bump(INOUT x int) LANGUAGE plpgsql AS $$ BEGIN INSERT INTO orders (name) VALUES ('proc'); COMMIT; x := x + 1; END $$");
        try (CallableStatement cs = c.prepareCall("CALL bump(?)")) {
            cs.setInt(1, 41);
            cs.registerOutParameter(1, Types.INTEGER);
            cs.execute();
            same("procedure that commits", cs.getInt(1), 42);
        }
    }

    static void cancel(Connection c) throws Exception {
        try (Statement st = c.createStatement()) {
            Thread t = new Thread(() -> {
                try {
                    Thread.sleep(300);
                    st.cancel();
                } catch (Exception e) {
                }
            });
            t.start();
            raises("cancel", "57014", () -> st.execute("SELECT pg_sleep(20)"));
            t.join();
            st.setQueryTimeout(1);
            raises("query timeout", "57014", () -> st.execute("SELECT pg_sleep(20)"));
            st.setQueryTimeout(0);
            st.execute("SELECT 1");
        }
        same("and on", one(c, "SELECT 1"), 1);
    }

    static void ownWrites(Connection c) throws Exception {
        exec(c, "CREATE TABLE rw (id int PRIMARY KEY, v int)");
        int bad = 0;
        try (PreparedStatement in = c.prepareStatement("INSERT INTO rw VALUES (?, ?)");
             PreparedStatement out = c.prepareStatement("SELECT v FROM rw WHERE id = ?")) {
            for (int i = 0; i < rounds; i++) {
                in.setInt(1, i);
                in.setInt(2, i * 2);
                in.executeUpdate();
                out.setInt(1, i);
                ResultSet r = out.executeQuery();
                bad += r.next() && r.getInt(1) == i * 2 ? 0 : 1;
            }
        }
        same(rounds + " rounds of write and read", bad, 0);
    }

    public static void main(String[] args) throws Exception {
        Connection c = connect();
        section("parameters", () -> parameters(c));
        section("tables", () -> tables(c));
        section("types", () -> types(c));
        section("prepared", () -> prepared());
        section("transactions", () -> transactions());
        section("cursors", () -> cursors(c));
        section("copy", () -> copy(c));
        section("listen", () -> listen(c));
        section("objects", () -> objects(c));
        section("cancel", () -> cancel(c));
        section("own writes", () -> ownWrites(c));
        c.close();
        System.out.println("1.." + n);
        System.exit(failed > 0 ? 1 : 0);
    }
}
