// Makes the replica set and its two users, once; run by mongosh on the first member (through loopback, where MongoDB lets the first user in
// without a password). What is there is left as it is, so it may be run at every start. Indexes are made by the product when it starts.
//
// MEMBERS: host:port of each, comma-separated; ROOT_PASSWORD_FILE and WENMING_PASSWORD_FILE: where the passwords are.

const files = require('fs')
const SET = 'wenming'
// Long enough for an election after a slow start of all three.
const PATIENCE_SECONDS = 120
const ROOT_PASSWORD = files.readFileSync(process.env.ROOT_PASSWORD_FILE, 'utf8').trim()
const WENMING_PASSWORD = files.readFileSync(process.env.WENMING_PASSWORD_FILE, 'utf8').trim()
const MEMBERS = process.env.MEMBERS.split(',')
const admin = db.getSiblingDB('admin')

/** Whether the administrator is there and this connection is hers. */
function isRoot() {
  try {
    return Boolean(admin.auth('root', ROOT_PASSWORD).ok)
  } catch (error) {
    if (error.codeName !== 'AuthenticationFailed' && error.codeName !== 'UserNotFound') throw error
    return false
  }
}

/** Until `isSo` is true. Whoever waits for an election is told "not yet" in several ways, so each failure means: again. */
function waitFor(isSo, what) {
  for (let second = 0; second < PATIENCE_SECONDS; second++) {
    if (isSo()) return
    sleep(1000)
  }
  throw new Error(`not in ${PATIENCE_SECONDS} s: ${what}`)
}

function initiate() {
  try {
    // The first one is preferred, since the users must be made on a primary and through loopback; afterwards it matters no more.
    rs.initiate({ _id: SET, members: MEMBERS.map((host, n) => ({ _id: n, host, priority: n === 0 ? 2 : 1 })) })
    print('replica set initiated')
  } catch (error) {
    if (error.codeName !== 'AlreadyInitialized') throw error
  }
}

if (!isRoot()) {
  if (!db.hello().setName) initiate()
  waitFor(() => db.hello().isWritablePrimary, 'this member is the primary')
  admin.createUser({ user: 'root', pwd: ROOT_PASSWORD, roles: ['root'] })
  print('user root made')
  if (!isRoot()) throw new Error('the user root was made and is refused')
}
waitFor(() => db.hello().primary, 'there is a primary')
// From here on whoever is the primary is asked: after a failover it is another member.
const set = new Mongo(`mongodb://root:${ROOT_PASSWORD}@${MEMBERS.join(',')}/admin?replicaSet=${SET}&authSource=admin`)
const there = set.getDB('wenming')
if (!there.getUser('wenming')) {
  there.createUser({ user: 'wenming', pwd: WENMING_PASSWORD, roles: [{ role: 'readWrite', db: 'wenming' }] })
  print('user wenming made')
}
print('the replica set is there')
