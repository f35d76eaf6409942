"""SQLAlchemy 1.4 on psycopg2: engine and pool, reflection, ORM sessions, nested transactions, streaming, isolation levels."""
import datetime
import decimal
import sys
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql as pg
from drv import ok, same, section, done, env, schema, rounds, sqlstate

url = f"postgresql+psycopg2:///?application_name=drv%20sqlalchemy&options=-csearch_path%3D{schema},public"
engine = sa.create_engine(url, pool_size=4, max_overflow=2, pool_pre_ping=True, pool_recycle=5)
Base = orm.declarative_base()
Session = orm.sessionmaker(engine, future=True)


class Customer(Base):
    __tablename__ = "customers"
    id = sa.Column(sa.BigInteger, primary_key=True)
    name = sa.Column(sa.Text, unique=True, nullable=False)
    balance = sa.Column(sa.Numeric(12, 2), server_default="0")
    tags = sa.Column(pg.ARRAY(sa.Text))
    doc = sa.Column(pg.JSONB)
    ref = sa.Column(pg.UUID(as_uuid=True))
    kind = sa.Column(sa.Enum("a", "b", name="kind"))
    made = sa.Column(sa.DateTime(timezone=True), server_default=sa.func.now())
    version = sa.Column(sa.Integer, nullable=False)
    orders = orm.relationship("Order", back_populates="customer", cascade="all, delete-orphan")
    __mapper_args__ = {"version_id_col": version}


class Order(Base):
    __tablename__ = "orders"
    id = sa.Column(sa.BigInteger, primary_key=True)
    customer_id = sa.Column(sa.ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    n = sa.Column(sa.Integer)
    customer = orm.relationship(Customer, back_populates="orders")


def raises(what, state, f):
    try:
        f()
        ok(what, False, "no error")
    except Exception as e:
        ok(what, sqlstate(e) == state, repr(e))


def schema_setup():
    Base.metadata.create_all(engine)
    Base.metadata.create_all(engine)
    insp = sa.inspect(engine)
    same("tables", sorted(insp.get_table_names()), ["customers", "orders"])
    same("foreign key", insp.get_foreign_keys("orders")[0]["referred_table"], "customers")
    same("unique", insp.get_unique_constraints("customers")[0]["column_names"], ["name"])
    same("enums", insp.get_enums()[0]["labels"], ["a", "b"])
    meta = sa.MetaData()
    meta.reflect(engine)
    same("reflection", [c.name for c in meta.tables["orders"].columns], ["id", "customer_id", "n"])
    with engine.connect() as c:
        same("application_name", c.scalar(sa.text("SHOW application_name")), "drv sqlalchemy")
        same("search_path", c.scalar(sa.text("SHOW search_path")), f"{schema},public")


def sessions():
    ref = uuid.uuid4()
    with Session() as s, s.begin():
        c = Customer(name="ann", balance=decimal.Decimal("12.34"), tags=["x", None], doc={"k": [1, 2]}, ref=ref, kind="b")
        c.orders = [Order(n=i) for i in range(50)]
        s.add(c)
        s.add_all([Customer(name=f"c{i}") for i in range(200)])
    with Session() as s:
        c = s.execute(sa.select(Customer).where(Customer.name == "ann").options(orm.selectinload(Customer.orders))).scalar_one()
        same("an object and its 50", (c.balance, c.tags, c.doc, c.ref, c.kind, len(c.orders)), (decimal.Decimal("12.34"), ["x", None], {"k": [1, 2]}, ref, "b", 50))
        ok("timestamp with zone", isinstance(c.made, datetime.datetime) and c.made.tzinfo is not None)
        c.balance += 1
        s.commit()
        same("after an update", s.get(Customer, c.id).balance, decimal.Decimal("13.34"))
        s.rollback()
        with Session() as s2, s2.begin():
            s2.get(Customer, c.id).balance = 5
        s.expire_all()
        c.balance
        s.rollback()
    with Session() as s:
        a = s.execute(sa.select(Customer).where(Customer.name == "ann")).scalar_one()
        with engine.begin() as e:
            e.execute(sa.update(Customer).where(Customer.id == a.id).values(version=Customer.version + 1))
        a.balance = 7
        try:
            s.commit()
            ok("stale object", False)
        except orm.exc.StaleDataError:
            ok("stale object", True)
            s.rollback()
        q = sa.select(sa.func.count(Order.id), sa.func.sum(Order.n)).join(Customer).where(Customer.name == "ann")
        same("aggregate over a join", tuple(s.execute(q).one()), (50, 1225))


def transactions():
    with Session() as s:
        s.add(Customer(name="n1"))
        s.flush()
        try:
            with s.begin_nested():
                s.add(Customer(name="n1"))
                s.flush()
        except sa.exc.IntegrityError as e:
            same("unique violation in a savepoint", sqlstate(e), "23505")
        s.add(Customer(name="n2"))
        s.commit()
        same("both are there", s.scalar(sa.select(sa.func.count()).where(Customer.name.in_(["n1", "n2"]))), 2)
    for level in ("SERIALIZABLE", "REPEATABLE READ", "AUTOCOMMIT", "READ COMMITTED"):
        with engine.connect().execution_options(isolation_level=level) as c:
            want = "read committed" if level == "AUTOCOMMIT" else level.lower()
            same(level, c.scalar(sa.text("SHOW transaction_isolation")), want)
    with engine.connect().execution_options(postgresql_readonly=True, postgresql_deferrable=True, isolation_level="SERIALIZABLE") as c:
        raises("read only", "25006", lambda: c.execute(sa.text("DELETE FROM orders")))
    with engine.connect() as c:
        same("the next one is not", c.scalar(sa.text("SHOW transaction_read_only")), "off")
        raises("division", "22012", lambda: c.execute(sa.text("SELECT 1/0")))
    with engine.begin() as c:
        ins = pg.insert(Customer.__table__).values(name="n1", version=1)
        c.execute(ins.on_conflict_do_update(index_elements=["name"], set_={"balance": 99}))
        same("upsert", c.scalar(sa.select(Customer.balance).where(Customer.name == "n1")), 99)
        c.execute(sa.select(Customer).where(Customer.name == "n1").with_for_update()).all()
        ids = c.execute(sa.insert(Order).returning(Order.id), [{"n": 5}]).scalars().all()
        same("returning", len(ids), 1)


def large():
    with engine.begin() as c:
        c.execute(sa.insert(Order), [{"n": i} for i in range(20000)])
    with engine.connect() as c:
        r = c.execution_options(stream_results=True, max_row_buffer=500).execute(sa.select(Order.id, Order.n))
        same("streamed", sum(1 for _ in r), 20051)
    with Session() as s:
        same("yield_per", sum(1 for _ in s.execute(sa.select(Order).execution_options(yield_per=1000))), 20051)


def pool():
    cs = [engine.connect() for _ in range(6)]
    for i, c in enumerate(cs):
        c.execute(sa.text(f"SET application_name = 'pool{i}'"))
        c.commit() if hasattr(c, "commit") else None
    same("six connections keep their own state", [c.scalar(sa.text("SHOW application_name")) for c in cs], [f"pool{i}" for i in range(6)])
    for c in cs:
        c.execute(sa.text("RESET application_name"))
        c.close()
    with engine.connect() as c:
        with c.begin():
            c.execute(sa.text("CREATE TEMP TABLE customers (name text) ON COMMIT DROP"))
            same("temporary table hides the other", c.scalar(sa.text("SELECT count(*) FROM customers")), 0)
        ok("until the end of its transaction", c.scalar(sa.text("SELECT count(*) FROM customers")) > 200)
    engine.dispose()
    with engine.connect() as c:
        ok("after dispose", c.scalar(sa.text("SELECT count(*) FROM customers")) > 200)


def own_writes():
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
        c.execute(sa.text("CREATE TABLE rw (id int PRIMARY KEY, v int)"))
        rw = sa.Table("rw", sa.MetaData(), autoload_with=c)
        bad = 0
        for i in range(rounds):
            c.execute(rw.insert(), {"id": i, "v": 2 * i})
            bad += c.scalar(sa.select(rw.c.v).where(rw.c.id == i)) != 2 * i
        same(f"{rounds} rounds of write and read", bad, 0)


def teardown():
    Base.metadata.drop_all(engine)
    same("drop_all", sa.inspect(engine).get_table_names(), ["rw"])


for f in (schema_setup, sessions, transactions, large, pool, own_writes, teardown):
    section(f)
engine.dispose()
done()
