-- Prosody as Clarion is compared with. bench/prosody.py replaces the words in
-- at signs, appends one of the archive files beside this one if asked to, and
-- runs it as a process of its own.
--
-- Leaner than Debian's configuration, in the peer's favour: no limits on
-- traffic, no archive unless asked for, no other servers, and only the modules
-- whose work Clarion does too.
modules_enabled = {
  "disco", "roster", "saslauth", "tls", "ping", "register_ibr",
  "user_account_management", "smacks", "carbons", "blocklist", "csi_simple",
  @MODULES@
}
modules_disabled = { "s2s", "posix" }
run_as_root = @ROOT@
daemonize = false
data_path = "@SPOOL@"
interfaces = { "127.0.0.1" }
c2s_ports = { @PLAIN_PORTS@ }
c2s_direct_tls_ports = { @TLS_PORTS@ }
http_ports = { }
https_ports = { }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
-- The load comes from one address and makes its accounts over XMPP (XEP-0077).
allow_registration = true
-- Keys are stored as Clarion stores them, and log-ins use SCRAM-SHA-256.
authentication = "internal_hashed"
password_hash = "SHA-256"
default_iteration_count = 4096
c2s_stanza_size_limit = 262144
smacks_hibernation_time = 300
smacks_max_queue_size = 50000
storage = "internal"
log = { warn = "*console" }
statistics = "none"
@SSL@
VirtualHost "@DOMAIN@"
