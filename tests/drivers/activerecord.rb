# ActiveRecord 6.1: migrations under an advisory lock, prepared statements, a pool, nested transactions, introspection.
require 'active_record'
require 'bigdecimal'

$n = 0
$failed = 0
SCHEMA = ENV['DRV_SCHEMA']
ROUNDS = ENV['DRV_ROUNDS'].to_i
$stdout.sync = true

def ok(what, cond, detail = nil)
  $n += 1
  puts "#{cond ? '' : 'not '}ok #{$n} - #{what}"
  return if cond
  $failed += 1
  puts "# #{what}: #{detail.to_s.tr("\n", ' ')}"
end

def same(what, got, expected)
  ok(what, got == expected, "got #{got.inspect}, expected #{expected.inspect}")
end

def raises(what, cls)
  yield
  ok(what, false, 'no error')
rescue cls => e
  ok(what, true)
  e
rescue StandardError => e
  ok(what, false, e.inspect)
end

def section(name)
  yield
rescue StandardError => e
  warn e.full_message
  ok("#{name} runs", false, e.inspect)
end

CONFIG = { adapter: 'postgresql', host: ENV['PGHOST'], port: ENV['PGPORT'].to_i, username: ENV['PGUSER'], password: ENV['PGPASSWORD'],
           database: ENV['PGDATABASE'], schema_search_path: "#{SCHEMA},public", pool: 6, checkout_timeout: 20, statement_limit: 20,
           sslmode: ENV['PGSSLMODE'], sslrootcert: ENV['PGSSLROOTCERT'], variables: { statement_timeout: '60s', lock_timeout: '30s' } }.freeze
ActiveRecord::Base.establish_connection(CONFIG)
ActiveRecord::Base.default_timezone = :utc

class Customer < ActiveRecord::Base
  has_many :orders, dependent: :delete_all
  validates :name, presence: true
end

class Order < ActiveRecord::Base
  belongs_to :customer, counter_cache: true, optional: true
end

class CreateAll < ActiveRecord::Migration[6.1]
  def change
    create_table :customers do |t|
      t.string :name, null: false, index: { unique: true }
      t.decimal :balance, precision: 12, scale: 2, default: 0
      t.text :tags, array: true, default: []
      t.jsonb :doc, default: {}
      t.binary :raw
      t.uuid :ref
      t.integer :orders_count, default: 0
      t.integer :lock_version, default: 0
      t.timestamps
    end
    create_table :orders do |t|
      t.references :customer, foreign_key: true
      t.integer :n
    end
  end
end

class AddMore < ActiveRecord::Migration[6.1]
  disable_ddl_transaction!
  def change
    add_column :orders, :note, :string
    add_index :orders, :n, algorithm: :concurrently
  end
end

def conn
  ActiveRecord::Base.connection
end

def one(sql)
  conn.select_value(sql)
end

section('parameters') do
  same('variables', one('SHOW statement_timeout'), '1min')
  same('search path', one('SELECT current_schema()'), SCHEMA)
  same('standard_conforming_strings', one('SHOW standard_conforming_strings'), 'on')
  same('time zone', (1..20).map { one('SHOW timezone') }.uniq, ['UTC'])
  same('they stick', (1..20).map { one('SHOW lock_timeout') }.uniq, ['30s'])
  ok('active?', conn.active?)
end

section('migrations') do
  ActiveRecord::Migration.verbose = false
  list = [ActiveRecord::MigrationProxy.new('CreateAll', 1, '', ''), ActiveRecord::MigrationProxy.new('AddMore', 2, '', '')]
  list[0].instance_variable_set(:@migration, CreateAll.new('CreateAll', 1))
  list[1].instance_variable_set(:@migration, AddMore.new('AddMore', 2))
  migrate = ->(to) { ActiveRecord::Migrator.new(to ? (to < 2 ? :down : :up) : :up, list, ActiveRecord::SchemaMigration, to).migrate }
  migrate.call(nil)
  same('versions', ActiveRecord::SchemaMigration.all_versions, %w[1 2])
  migrate.call(1)
  same('back by one', conn.columns('orders').map(&:name), %w[id customer_id n])
  migrate.call(2)
  same('no lock is left', one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"), 0)
  [Customer, Order].each(&:reset_column_information)
  same('introspection: columns', conn.columns('customers').map(&:name).first(4), %w[id name balance tags])
  same('introspection: indexes', conn.indexes('customers').map(&:columns), [['name']])
  same('introspection: foreign keys', conn.foreign_keys('orders').map(&:to_table), ['customers'])
  same('primary key', conn.primary_key('orders'), 'id')
end

section('models') do
  raw = (0..255).map(&:chr).join.b
  c = Customer.create!(name: 'ann', balance: BigDecimal('12.34'), tags: ['x', 'y"z'], doc: { 'k' => [1, nil] }, raw: raw, ref: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')
  c.orders.create!((0...50).map { |i| { n: i } })
  c = Customer.includes(:orders).find_by!(name: 'ann')
  same('an object', [c.balance, c.tags, c.doc, c.raw, c.orders.size, c.orders_count],
       [BigDecimal('12.34'), ['x', 'y"z'], { 'k' => [1, nil] }, raw, 50, 50])
  Customer.insert_all((0...300).map { |i| { name: "c#{i}", balance: i, created_at: Time.now, updated_at: Time.now } })
  same('insert_all', Customer.count, 301)
  Customer.upsert_all([{ name: 'c1', balance: 99, created_at: Time.now, updated_at: Time.now }], unique_by: :name)
  same('upsert_all', Customer.find_by(name: 'c1').balance, 99)
  other = Customer.find(c.id)
  other.update!(balance: 1)
  raises('stale object', ActiveRecord::StaleObjectError) { c.update!(balance: 2) }
  same('aggregates', Order.joins(:customer).where(customers: { name: 'ann' }).group(:customer_id).sum(:n).values, [1225])
  same('in_batches', Customer.in_batches(of: 70).map(&:count).sum, 301)
  same('pluck', Customer.where('name ~ ?', '^c1?$').order(:id).pluck(:name), ['c1'])
end

section('prepared statements') do
  bad = 0
  200.times { |i| bad += 1 unless Customer.where(name: "c#{i % 100 + 100}").pick(:balance) == i % 100 + 100 }
  80.times { |i| bad += 1 unless Customer.where(balance: 150).limit(1).offset(0).select("id, #{i} AS k").first.k == i }
  same('more texts than statement_limit', bad, 0)
  Customer.find_by(name: 'c5')
  conn.execute('ALTER TABLE customers ADD COLUMN extra int')
  same('after ALTER TABLE', Customer.find_by(name: 'c5').balance, 5)
  Customer.transaction do
    same('in a transaction', Customer.find_by(name: 'c6').balance, 6)
  end
  conn.clear_cache!
  same('clear_cache!', Customer.find_by(name: 'c7').balance, 7)
  same('unprepared', conn.unprepared_statement { Customer.find_by(name: 'c8').balance }, 8)
end

section('transactions') do
  Customer.transaction do
    Customer.create!(name: 't1')
    e = raises('unique violation', ActiveRecord::RecordNotUnique) do
      Customer.transaction(requires_new: true) { Customer.create!(name: 't1') }
    end
    ok('its cause', e&.cause.is_a?(PG::UniqueViolation))
    Customer.transaction(requires_new: true) do
      Customer.create!(name: 't2')
      raise ActiveRecord::Rollback
    end
    Customer.create!(name: 't3')
  end
  same('savepoints', Customer.where("name LIKE 't_'").order(:name).pluck(:name), %w[t1 t3])
  Customer.transaction(isolation: :serializable) { same('isolation', one('SHOW transaction_isolation'), 'serializable') }
  Customer.find_by(name: 't1').with_lock { |_| true }
  raises('not null', ActiveRecord::NotNullViolation) { Customer.connection.execute('INSERT INTO customers (balance) VALUES (1)') }
  raises('invalid statement', ActiveRecord::StatementInvalid) { conn.execute('SELEC 1') }
  raises('statement timeout', ActiveRecord::QueryCanceled) { Customer.transaction { conn.execute("SET LOCAL statement_timeout = '50ms'"); conn.execute('SELECT pg_sleep(5)') } }
  same('and on', one('SELECT 1'), 1)
end

section('pool') do
  bad = Queue.new
  threads = (0...8).map do |k|
    Thread.new do
      20.times do |i|
        ActiveRecord::Base.connection_pool.with_connection do |c|
          bad << k unless Customer.where(name: "c#{100 + i}").pick(:balance) == 100 + i
          bad << c.select_value('SHOW lock_timeout') unless c.select_value('SHOW lock_timeout') == '30s'
        end
      end
    end
  end
  threads.each(&:join)
  same('eight threads on six connections', bad.size, 0)
  conn.reconnect!
  same('reconnect!', one('SHOW lock_timeout'), '30s')
  conn.reset!
  same('reset! (DISCARD ALL)', [one('SHOW lock_timeout'), one('SELECT current_schema()')], ['30s', SCHEMA])
  ActiveRecord::Base.connection_pool.disconnect!
  same('disconnect!', Customer.where(name: 'ann').count, 1)
end

section('session objects') do
  same('advisory lock', conn.get_advisory_lock(991), true)
  same('is held', (1..10).map { one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()") }.uniq, [1])
  same('given back', conn.release_advisory_lock(991), true)
  conn.create_table(:scratch, temporary: true) { |t| t.integer :v }
  conn.execute('INSERT INTO scratch (v) VALUES (42)')
  same('temporary table', (1..10).map { one('SELECT v FROM scratch') }.uniq, [42])
  conn.drop_table(:scratch)
  raw = conn.raw_connection
  conn.execute('LISTEN ar')
  conn.execute("NOTIFY ar, 'hi'")
  got = nil
  raw.wait_for_notify(10) { |_, _, payload| got = payload }
  same('notification', got, 'hi')
  conn.execute('UNLISTEN *')
  raw.copy_data('COPY orders (n) FROM STDIN') { 1000.times { |i| raw.put_copy_data("#{i + 1000}\n") } }
  same('COPY', Order.where('n >= 1000').count, 1000)
end

section('own writes') do
  bad = 0
  ROUNDS.times do |i|
    id = Order.create!(n: i).id
    bad += 1 unless Order.find(id).n == i
  end
  same("#{ROUNDS} rounds of write and read", bad, 0)
end

ActiveRecord::Base.connection_pool.disconnect!
puts "1..#{$n}"
exit($failed.zero? ? 0 : 1)
