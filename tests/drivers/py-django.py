"""Django 3.2: migrations (with introspection), models, atomic blocks, iterators with server-side cursors, time zones."""
import datetime
import decimal
import os
import shutil
import sys
import threading
import types

import django as dj
from django.conf import settings
from drv import ok, same, section, done, env, schema, rounds, sqlstate

# An application with a migrations folder, made here.
home = os.path.join(env("DRV_DIR"), "site")
app = os.path.join(home, "shop")
shutil.rmtree(home, ignore_errors=True)
os.makedirs(os.path.join(app, "migrations"), exist_ok=True)
for d in (app, os.path.join(app, "migrations")):
    open(os.path.join(d, "__init__.py"), "w").close()
with open(os.path.join(app, "models.py"), "w") as f:
    f.write("""
from django.contrib.postgres.fields import ArrayField
from django.db import models

class Customer(models.Model):
    name = models.CharField(max_length=80, unique=True)
    balance = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    tags = ArrayField(models.TextField(), default=list)
    doc = models.JSONField(default=dict)
    made = models.DateTimeField(auto_now_add=True)
    raw = models.BinaryField(default=b'')
    class Meta:
        app_label = 'shop'
        constraints = [models.CheckConstraint(check=models.Q(balance__gte=0), name='shop_positive')]

class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name='orders')
    n = models.IntegerField(db_index=True)
    class Meta:
        app_label = 'shop'
""")
sys.path.insert(0, home)
database = {"ENGINE": "django.db.backends.postgresql", "HOST": env("PGHOST"), "PORT": env("PGPORT"), "NAME": env("PGDATABASE"), "USER": env("PGUSER"),
            "PASSWORD": env("PGPASSWORD"), "CONN_MAX_AGE": 600, "TIME_ZONE": None,
            "OPTIONS": {"options": f"-c search_path={schema},public -c statement_timeout=60000", "application_name": "drv django",
                        "sslmode": env("PGSSLMODE"), "sslrootcert": env("PGSSLROOTCERT")}}
settings.configure(DATABASES={"default": database}, INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "shop"],
                   USE_TZ=True, TIME_ZONE="America/Sao_Paulo", DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", SECRET_KEY="x")
dj.setup()
from django.core.management import call_command
from django.db import connection, connections, transaction, IntegrityError, DataError, utils
from django.db.models import Count, F, Sum
from django.utils import timezone
from shop.models import Customer, Order
quiet = open(os.devnull, "w")


def one(sql, *args):
    with connection.cursor() as c:
        c.execute(sql, args)
        return c.fetchone()[0]


def migrations():
    call_command("makemigrations", "shop", stdout=quiet)
    call_command("migrate", stdout=quiet)
    same("django_migrations", one("SELECT count(*) FROM django_migrations WHERE app = 'shop'"), 1)
    # A second migration: a column, a change of type, an index built concurrently (outside of a transaction).
    with open(os.path.join(app, "migrations", "0002_more.py"), "w") as f:
        f.write("""
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
def fill(apps, editor):
    C = apps.get_model('shop', 'Customer')
    C.objects.bulk_create([C(name=f'm{i}') for i in range(100)])
    C.objects.filter(name='m1').update(name='M1')
class Migration(migrations.Migration):
    atomic = False
    dependencies = [('shop', '0001_initial')]
    operations = [migrations.AlterField('order', 'n', models.BigIntegerField(db_index=True)),
                  migrations.RunPython(fill, migrations.RunPython.noop, atomic=True),
                  AddIndexConcurrently('customer', models.Index(fields=['balance'], name='shop_balance')),
                  migrations.RunSQL('CREATE VIEW shop_rich AS SELECT * FROM shop_customer WHERE balance > 100', 'DROP VIEW shop_rich')]
""")
    call_command("migrate", stdout=quiet)
    same("the data of a migration", Customer.objects.filter(name="M1").count(), 1)
    call_command("migrate", "shop", "0001", stdout=quiet)
    same("back", one("SELECT count(*) FROM pg_indexes WHERE indexname = 'shop_balance'"), 0)
    call_command("migrate", stdout=quiet) if Customer.objects.all().delete() else None
    call_command("check", stdout=quiet)
    with connection.cursor() as c:
        names = [t.name for t in connection.introspection.get_table_list(c)]
        ok("introspection", {"shop_customer", "shop_order", "auth_user", "shop_rich"} <= set(names), names)
        ok("constraints", "shop_positive" in connection.introspection.get_constraints(c, "shop_customer"))


def models():
    Customer.objects.all().delete()
    Customer.objects.bulk_create([Customer(name=f"c{i}", balance=i) for i in range(500)], batch_size=100)
    c = Customer.objects.create(name="ann", balance=decimal.Decimal("12.34"), tags=["x", "y"], doc={"k": [1, None]}, raw=bytes(range(256)))
    Order.objects.bulk_create([Order(customer=c, n=i) for i in range(50)])
    c = Customer.objects.prefetch_related("orders").get(doc__k__0=1, tags__contains=["y"])
    same("an object", (c.name, c.balance, c.tags, c.doc, bytes(c.raw), len(c.orders.all())), ("ann", decimal.Decimal("12.34"), ["x", "y"], {"k": [1, None]}, bytes(range(256)), 50))
    Customer.objects.filter(pk=c.pk).update(balance=F("balance") + 1)
    c.refresh_from_db()
    same("F expression", c.balance, decimal.Decimal("13.34"))
    r = Customer.objects.annotate(k=Count("orders"), s=Sum("orders__n")).get(pk=c.pk)
    same("annotations", (r.k, r.s), (50, 1225))
    same("get_or_create", [Customer.objects.get_or_create(name="bob")[1] for _ in range(2)], [True, False])
    same("update_or_create", Customer.objects.update_or_create(name="bob", defaults={"balance": 3})[1], False)
    ok("explain", "Scan" in Customer.objects.filter(name="bob").explain())


def zones():
    same("the connection's time zone", {one("SHOW timezone") for _ in range(20)}, {"UTC"})
    c = Customer.objects.get(name="ann")
    ok("now", abs(timezone.now() - c.made) < datetime.timedelta(seconds=120))
    same("dates in a time zone", Customer.objects.filter(made__date=timezone.localdate()).count(), Customer.objects.count())
    same("application_name", one("SHOW application_name"), "drv django")
    same("search_path", one("SHOW search_path"), f"{schema},public")


def atomic():
    with transaction.atomic():
        Customer.objects.create(name="t1")
        try:
            with transaction.atomic():
                Customer.objects.create(name="t2")
                Customer.objects.create(name="t1")
        except IntegrityError as e:
            same("unique violation", e.__cause__.pgcode, "23505")
        Customer.objects.create(name="t3")
    same("savepoints", sorted(Customer.objects.filter(name__startswith="t").values_list("name", flat=True)), ["t1", "t3"])
    try:
        with transaction.atomic():
            Customer.objects.all().delete()
            raise KeyError
    except KeyError:
        pass
    ok("rolled back", Customer.objects.count() > 500)
    try:
        Customer.objects.create(name="neg", balance=-1)
        ok("check constraint", False)
    except IntegrityError as e:
        same("check constraint", e.__cause__.diag.constraint_name, "shop_positive")
    with transaction.atomic():
        c = Customer.objects.select_for_update(skip_locked=True).get(name="ann")
        c.balance += 1
        c.save()
        done_ = []
        transaction.on_commit(lambda: done_.append(1))
    same("on_commit", done_, [1])
    transaction.set_autocommit(False)
    Customer.objects.create(name="m1")
    transaction.rollback()
    transaction.set_autocommit(True)
    same("manual transaction", Customer.objects.filter(name="m1").exists(), False)


def iterators():
    Order.objects.bulk_create([Order(customer_id=Customer.objects.first().pk, n=i) for i in range(5000)], batch_size=1000)
    with transaction.atomic():
        same("iterator in a transaction", sum(1 for _ in Order.objects.iterator(chunk_size=300)), 5050)
    it = Order.objects.order_by("id").iterator(chunk_size=300)    # a cursor WITH HOLD, in autocommit
    first = [next(it).n for _ in range(10)]
    Customer.objects.count()
    same("iterator in autocommit", (first, sum(1 for _ in it)), (list(range(10)), 5040))
    two = [Order.objects.order_by("id").iterator(chunk_size=100) for _ in range(2)]
    same("two at once", [next(two[i % 2]).n for i in range(20)], [i // 2 for i in range(20)])
    del two, it


def threads():
    bad = []

    def work(k):
        try:
            for i in range(30):
                c = Customer.objects.get(name=f"c{i}")
                if c.balance != i:
                    bad.append((k, i))
                Order.objects.create(customer=c, n=100000 + k)
        except Exception as e:
            bad.append(e)
        finally:
            connections.close_all()
    ts = [threading.Thread(target=work, args=(k,)) for k in range(5)]
    [t.start() for t in ts]
    [t.join() for t in ts]
    same("five threads", bad, [])
    same("each wrote 30", Order.objects.filter(n__gte=100000).count(), 150)
    connection.close()
    ok("after close", Customer.objects.exists())
    ok("is_usable", connection.is_usable())


def advisory():
    same("advisory lock (of migration tools)", one("SELECT pg_try_advisory_lock(99)"), True)
    same("held over statements", {one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()") for _ in range(10)}, {1})
    same("unlock", one("SELECT pg_advisory_unlock(99)"), True)


def own_writes():
    bad = 0
    for i in range(rounds):
        c = Customer(name=f"w{i}", balance=i)
        c.save()
        got = Customer.objects.filter(name=f"w{i}").values_list("balance", flat=True).first()
        bad += got != i
    same(f"{rounds} rounds of write and read", bad, 0)


for f in (migrations, models, zones, atomic, iterators, threads, advisory, own_writes):
    section(f)
connections.close_all()
done()
