/* Checks a login against a password file. */
#include <bsd/string.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include "auth/challenge.h"
#include "auth/checker.h"
#include "auth/file.h"
#include "auth/passwd.h"
#include "auth/pwhash.h"
#include "base/apart.h"
#include "base/digest.h"
#include "base/network.h"
#include "base/text.h"

/*
 * All lines of one name. A name that is not there has the line of a neighbour, and goes through whatever a neighbour
 * goes through, up to the yes that it can never get: so it costs the same by construction, and neither the time nor the
 * steps tell who has an account. What depends on `unknown` is the answer alone, and which keys SCRAM shows.
 */
struct found {
	int count;		/* 0: it is not there, and no neighbour has a password */
	bool unknown;
	const struct entry *own;	/* the one without a label; or NULL */
	const struct entry *neighbour;	/* for whoever has no password of their own; or NULL */
	struct entry entries[PASSWD_LINES_MAX];
};

#define FRONT_MAX (1 << 18)	/* bytes of a file that stand for its secret */

static bool
has_label(const struct entry *entry, char copy[sizeof entry->line])
{
	return passwd_extra(entry, "label", copy, sizeof entry->line) != NULL;
}

static enum pwhash_answer
verify_entry(const struct entry *entry, const char *password)
{
	return pwhash_verify(entry->fields[PASSWORD], entry->count == 2, password);
}

/*
 * The neighbour of a name, cut into *entry: the first line with a password, and without a label, after the place in
 * the file that the name's hash points at. Everybody's is looked for. NULL: none.
 */
static const char *
find_neighbour(const struct file *file, const char *name, struct entry *entry)
{
	static APART char copy[sizeof entry->line];
	const char *start, *at, *end = file->bytes + file->length;

	if (file->length == 0)
		return NULL;
	start = at = passwd_next(file, file->bytes + passwd_hash(name, strlen(name)) % file->length);
	for (int tries = 0; tries < 1000; tries++) {
		if (at == end)
			at = file->bytes;
		if (*at != '#' && passwd_entry(file, at, entry) && entry->count >= 2 &&
		    verify_entry(entry, NULL) == PWHASH_NO && !has_label(entry, copy))
			return at;
		at = passwd_next(file, at);
		if (at == start)
			break;
	}
	return NULL;
}

/* allow_nets=: the client must be in one of them. */
static bool
network_allowed(const struct attempt *attempt, const struct entry *entry)
{
	static APART char copy[sizeof entry->line];
	const char *value = passwd_extra(entry, "allow_nets", copy, sizeof copy);

	return value == NULL || network_holds(value, attempt->peer->address);
}

const char *
file_fault(const struct stat *status, const struct rights *service, bool cleartext)
{
	if (status->st_uid != 0 && status->st_uid != service->uid)
		return "password-file-owner";
	if ((status->st_mode & S_IWOTH) != 0 ||
	    ((status->st_mode & S_IWGRP) != 0 && status->st_gid != 0 && status->st_gid != service->gid))
		return "password-file-writable";
	if (cleartext && (status->st_mode & (S_IRGRP | S_IROTH)) != 0)
		return "cleartext-password-file-readable";
	return NULL;
}

/* Cuts the lines into entries. NULL: done; else the reason for which nobody can tell. */
static const char *
read_lines(const struct file *file, const char *const *at, int count, struct found *found)
{
	static APART char labels[2][sizeof found->entries->line];

	if (count > PASSWD_LINES_MAX)
		return "too-many-lines-of-user";
	for (int i = 0; i < count; i++) {
		struct entry *entry = &found->entries[i];

		if (!passwd_entry(file, at[i], entry))
			return "malformed-entry";
		if (!has_label(entry, labels[0])) {
			if (found->own != NULL)
				return "duplicate-user";
			found->own = entry;
		}
		for (int j = 0; j < i; j++) {
			const char *one = passwd_extra(entry, "label", labels[0], sizeof labels[0]);
			const char *other = passwd_extra(&found->entries[j], "label", labels[1], sizeof labels[1]);

			if (one != NULL && other != NULL && strcmp(one, other) == 0)
				return "duplicate-label";
		}
	}
	found->count = count;
	return NULL;
}

/*
 * The entry that the password fits: the fast ones first, and then one slow one, the user's own before others. NULL:
 * none, and *answer says why. Unless the user's own was tried, a neighbour is: without it the time would tell.
 */
static const struct entry *
find_matching(const struct found *found, const char *password, enum pwhash_answer *answer)
{
	static APART char copy[sizeof ((struct entry *)0)->line];
	const struct entry *slow = NULL;
	bool own_tried = false;

	*answer = PWHASH_LOCKED;
	for (int i = 0; i <= found->count; i++) {
		const struct entry *entry = i < found->count ? &found->entries[i] : slow;
		enum pwhash_answer now;

		if (entry == NULL)
			break;
		if (i < found->count && pwhash_is_slow(entry->fields[PASSWORD], entry->count == 2)) {
			if (slow == NULL || entry == found->own)
				slow = entry;
			continue;
		}
		now = has_label(entry, copy) ?
		    pwhash_app_verify(entry->fields[PASSWORD], entry->count == 2, password)
		    : verify_entry(entry, password);
		if (now == PWHASH_YES) {
			*answer = PWHASH_YES;
			return entry;
		}
		own_tried |= (entry == found->own || entry == slow) && now == PWHASH_NO;
		if (now >= PWHASH_NO_MEMORY || (now == PWHASH_NO && *answer == PWHASH_LOCKED))
			*answer = now;
	}
	if (!own_tried && found->neighbour != NULL)	/* the cost of it */
		(void)verify_entry(found->neighbour, password);
	return NULL;
}

/* The password was right. What a line with a label leaves open is as in the user's own. */
static int
say_entry(const struct attempt *attempt, const struct found *found, const struct entry *entry, const char *name)
{
	static APART char copy[sizeof entry->line];
	const struct entry *ids = entry->fields[UID][0] != '\0' || entry->fields[GID][0] != '\0' || found->own == NULL ?
	    entry : found->own, *home = entry->fields[HOME][0] == '/' || found->own == NULL ? entry : found->own;
	struct identity identity = { 0 };
	const char *user = passwd_extra(entry, "user", copy, sizeof copy), *label, *quota;
	uint64_t hour, day;

	if (user == NULL && found->own != NULL)
		user = passwd_extra(found->own, "user", copy, sizeof copy);
	if (user == NULL || *user == '\0' || strlen(user) > USER_MAX)
		user = name;
	if (ids->fields[UID][0] != '\0' || ids->fields[GID][0] != '\0') {
		identity = *attempt->service;
		if (!passwd_ids(&identity, ids))
			return checker_say_reason(attempt, ASK_TEMPORARY, "malformed-entry");
		identity.rights.groups[0] = identity.rights.gid;
		identity.rights.group_count = 1;
	} else if (!checker_identity_by_name(attempt, user, &identity)) {
		return checker_say_reason(attempt, ASK_TEMPORARY, "accounts-unavailable");
	}
	strlcpy(identity.user, user, sizeof identity.user);
	if (home->fields[HOME][0] == '/')
		strlcpy(identity.home, home->fields[HOME], sizeof identity.home);
	if (!attempt->config->root)
		identity.rights = attempt->service->rights;
	if (!checker_rights_allowed(attempt->config, attempt->service, &identity.rights))
		return checker_say_reason(attempt, ASK_NO, "uid-refused");
	label = passwd_extra(entry, "label", copy, sizeof copy);
	strlcpy(identity.label, label == NULL ? "" : label, sizeof identity.label);
	quota = passwd_extra(entry, "quota", copy, sizeof copy);
	if (quota == NULL && found->own != NULL)
		quota = passwd_extra(found->own, "quota", copy, sizeof copy);
	if (strlcpy(identity.quota, quota == NULL ? "" : quota, sizeof identity.quota) >= sizeof identity.quota ||
	    (quota != NULL && !config_quota(quota, &hour, &day)))
		return checker_say_reason(attempt, ASK_TEMPORARY, "malformed-entry");
	if (attempt->last_word != NULL) {
		long got = checker_challenge(attempt, attempt->last_word, strlen(attempt->last_word), copy,
		    sizeof copy);

		if (got != 0)	/* RFC 4954 section 4: the client answers the last word with nothing */
			return got < 0 ? 111 : checker_say_reason(attempt, ASK_NO, "mechanism-refused");
	}
	return checker_say_identity(attempt, &identity);
}

/* No, for this reason; a name that is nobody's has only one. */
static int
refuse(const struct attempt *attempt, const struct found *found, const char *reason)
{
	return checker_say_reason(attempt, ASK_NO, found->unknown ? "no-such-user" : reason);
}

/* May a user whose password was right come in now, from there? A name that is nobody's gets no further than here. */
static int
judge_entry(const struct attempt *attempt, const struct found *found, const struct entry *entry, const char *name)
{
	static APART char copy[sizeof entry->line];
	const char *expires = passwd_extra(entry, "expires", copy, sizeof copy);
	int64_t end = INT64_MAX;

	if (found->unknown)
		return refuse(attempt, found, "no-such-user");
	if (expires != NULL && !passwd_date(expires, &end))
		return checker_say_reason(attempt, ASK_TEMPORARY, "malformed-entry");
	if ((int64_t)time(NULL) >= end)
		return checker_say_reason(attempt, ASK_NO, "expired");
	if (passwd_extra(entry, "nologin", copy, sizeof copy) != NULL ||
	    (found->own != NULL && passwd_extra(found->own, "nologin", copy, sizeof copy) != NULL))
		return checker_say_reason(attempt, ASK_NO, "disabled");
	if (!network_allowed(attempt, entry))
		return checker_say_reason(attempt, ASK_NO, "network-refused");
	return say_entry(attempt, found, entry, name);
}

/* What to say of a login none of whose lines can be checked against what the client answers. */
static enum ask_verdict
judge_keyless(const struct found *found, const char **reason)
{
	bool locked = true;

	*reason = "unusable-password-entry";	/* nobody can say whether the client knows the password */
	for (int i = 0; i < found->count; i++) {
		enum pwhash_answer answer = verify_entry(&found->entries[i], NULL);

		if (answer == PWHASH_UNUSABLE)
			return ASK_TEMPORARY;
		locked &= answer == PWHASH_LOCKED;
	}
	*reason = found->unknown ? "no-such-user" : locked ? "disabled" : "no-keys";
	return ASK_NO;
}

/* CRAM-MD5: the entry whose password the digest was made with; clear text, or Dovecot's {CRAM-MD5}. */
static int
check_digest(const struct attempt *attempt, const struct found *found, const char *name)
{
	const char *reason;
	enum ask_verdict verdict = judge_keyless(found, &reason);	/* for those with keys, too: the same cost */
	bool keys = false;

	for (int i = 0; i < found->count; i++) {
		const struct entry *entry = &found->entries[i];
		enum pwhash_answer answer = pwhash_cram_md5(entry->fields[PASSWORD], entry->count == 2,
		    attempt->challenge, attempt->digest);

		if (answer == PWHASH_YES)
			return judge_entry(attempt, found, entry, name);
		keys |= answer == PWHASH_NO;
	}
	if (keys)
		return refuse(attempt, found, "wrong-password");
	/* The cost of one that has. */
	(void)pwhash_cram_md5("{PLAIN}?", false, attempt->challenge, attempt->digest);
	return checker_say_reason(attempt, verdict, reason);
}

/* The first entry of the name that has keys for SCRAM; NULL: none has. */
static const struct entry *
find_keys(const struct found *found, struct pwhash_scram *record)
{
	for (int i = 0; i < found->count; i++)
		if (pwhash_scram(found->entries[i].fields[PASSWORD], record))
			return &found->entries[i];
	return NULL;
}

/*
 * What a login without keys is shown: a salt that is always the same, and the rounds of the first line that has keys. A
 * salt that is made from the file is made from its front, so that a large one is no work.
 */
static void
invent_keys(const struct file *file, const char *name, struct pwhash_scram *record)
{
	unsigned char secret[PASSWD_SECRET_MAX];
	size_t length = passwd_secret(file, secret);
	uint32_t rounds = passwd_rounds(file);

	_Static_assert(DIGEST_MAX <= PASSWD_SECRET_MAX, "room for a digest");
	if (length == 0) {	/* nobody but us knows the file */
		digest_of(&digest_sha256, file->bytes, file->length < FRONT_MAX ? file->length : FRONT_MAX, "", 0,
		    secret);
		length = digest_sha256.size;
	}
	challenge_unknown(secret, length, name, rounds == 0 ? PWHASH_SCRAM_MADE : rounds, record);
	explicit_bzero(secret, sizeof secret);
}

/* SCRAM: an unknown user takes the same steps. If others are asked after us, they decide about that user. */
static int
check_proof(struct attempt *attempt, const struct file *file, const struct found *found, const char *name,
    const struct scram *scram)
{
	const char *reason;
	char first[CHALLENGE_FIRST_MAX], last[CHALLENGE_FINAL_MAX], response[ASK_CHALLENGE_MAX + 1];
	struct scram_final final = { .server_first = first };
	struct challenge_said said = { .client_first_bare = scram->bare, .server_first = first, .proof = final.proof };
	struct pwhash_scram record, invented;
	/* All of it for everybody, whatever is then needed: the same cost. */
	const struct entry *entry = find_keys(found, &record);
	enum ask_verdict verdict = judge_keyless(found, &reason);
	struct text text;
	long length;

	invent_keys(file, name, &invented);
	if (found->unknown)
		entry = NULL;
	if (entry == NULL && (verdict == ASK_TEMPORARY || !attempt->last))
		return checker_say_reason(attempt, verdict, reason);
	if (entry == NULL)
		record = invented;
	else
		reason = "wrong-password";
	text_start(&text, first, sizeof first);
	if (!challenge_first(&record, scram->nonce, &text))
		return checker_say_reason(attempt, ASK_TEMPORARY, "no-challenge");
	length = checker_challenge(attempt, first, text.used, response, sizeof response - 1);
	if (length < 0)
		return 111;
	response[length] = '\0';
	if (scram_final(scram, response, (size_t)length, &final) != SCRAM_FINE)
		return checker_say_reason(attempt, ASK_NO, "mechanism-refused");
	said.without_proof = response;
	said.length = final.without_proof;
	text_start(&text, last, sizeof last);
	if (!challenge_proved(&record, &said, &text))
		return checker_say_reason(attempt, ASK_NO, reason);
	/* unreachable: no proof fits keys that were made up; should one all the same, it is a no */
	if (entry == NULL)
		return checker_say_reason(attempt, ASK_NO, reason);
	/* cppcheck-suppress autoVariables; the attempt ends with this process */
	attempt->last_word = last;
	return judge_entry(attempt, found, entry, name);
}

/* Whatever the answer, one secret is verified. */
static int
check_lines(const struct attempt *attempt, const struct file *file, const struct found *found, const char *name)
{
	const struct entry *entry;
	enum pwhash_answer answer;
	const char *fault;
	bool cleartext = false;

	for (int i = 0; i < found->count; i++)
		cleartext |= pwhash_is_cleartext(found->entries[i].fields[PASSWORD], found->entries[i].count == 2);
	fault = file_fault(&file->status, &attempt->service->rights, cleartext);
	if (fault != NULL)
		return checker_say_reason(attempt, ASK_TEMPORARY, fault);
	entry = find_matching(found, attempt->password, &answer);
	if (answer == PWHASH_LOCKED)
		return refuse(attempt, found, "disabled");
	if (answer == PWHASH_NO_MEMORY)		/* for a name that is nobody's, too */
		return checker_say_reason(attempt, ASK_TEMPORARY, "no-memory");
	if (answer == PWHASH_UNUSABLE && !found->unknown)
		return checker_say_reason(attempt, ASK_TEMPORARY, "unusable-password-entry");
	if (entry == NULL)
		return refuse(attempt, found, "wrong-password");
	return judge_entry(attempt, found, entry, name);
}

static bool
has_certificate(const struct attempt *attempt, const struct entry *entry)
{
	char copy[sizeof entry->line];
	const char *value = passwd_extra(entry, "cert", copy, sizeof copy);

	for (int i = 0; value != NULL && *value != '\0' && i < 2; i++)
		if (strcasecmp(value, attempt->peer->certificate[i]) == 0)
			return true;
	return false;
}

/* Looks through the whole file for the line that names the client's certificate. How many do; the last one's name. */
static int
find_certificate(const struct attempt *attempt, const struct file *file, char (*name)[USER_MAX + 1])
{
	const char *at = file->bytes;
	struct entry entry;
	int count = 0;

	while (passwd_next_with(file, &at, "cert=", &entry)) {
		if (!has_certificate(attempt, &entry))
			continue;
		count++;
		if (strlcpy(*name, entry.fields[USER], sizeof *name) >= sizeof *name)
			(*name)[0] = '\0';
	}
	return count;
}

/* No: the reason, and whose certificate it is. */
static int
refuse_certificate(const struct attempt *attempt)
{
	char array[600];
	struct text reason;

	text_start(&reason, array, sizeof array);
	text_add(&reason, "certificate-unknown:");
	for (int i = 0; i < 2; i++) {
		text_add(&reason, attempt->peer->certificate[i][0] != '\0' ? " " : "");
		text_add(&reason, attempt->peer->certificate[i]);
	}
	return checker_say_reason(attempt, ASK_NO, array);
}

/* EXTERNAL: the certificate says who it is, and the client may say the same. */
static int
check_certificate(struct attempt *attempt, const struct file *file, struct found *found)
{
	static char name[USER_MAX + 1];
	const char *at[PASSWD_LINES_MAX] = { NULL };
	const char *fault = file_fault(&file->status, &attempt->service->rights, false);
	int count = find_certificate(attempt, file, &name);

	if (fault == NULL && count > 1)
		fault = "duplicate-certificate";
	if (fault == NULL && count == 1)
		fault = read_lines(file, at, passwd_find(file, name, at, PASSWD_LINES_MAX), found);
	if (fault != NULL)
		return checker_say_reason(attempt, ASK_TEMPORARY, fault);
	if (count == 0)
		return refuse_certificate(attempt);
	attempt->user = name;
	if (attempt->length > 0 && (attempt->length != strlen(name) ||
	    strncasecmp(attempt->response, name, attempt->length) != 0))
		return checker_say_reason(attempt, ASK_NO, "authzid");
	for (int i = 0; i < found->count; i++) {
		const struct entry *entry = &found->entries[i];

		if (!has_certificate(attempt, entry))
			continue;
		return entry->fields[PASSWORD][0] == '!' ? checker_say_reason(attempt, ASK_NO, "disabled")
		    : judge_entry(attempt, found, entry, name);
	}
	return checker_say_reason(attempt, ASK_TEMPORARY, "malformed-entry");
}

int
file_check(struct attempt *attempt)
{
	static APART struct found found;	/* 130 KiB, of which each line touches four */
	static APART struct entry neighbour;
	static APART struct scram scram;
	const char *at[PASSWD_LINES_MAX] = { NULL }, *beside, *fault;
	char name[USER_MAX + 1];
	struct file file;
	int count = 0;

	if (strcmp(attempt->mechanism, "EXTERNAL") == 0)
		return passwd_open(&file, attempt->authenticator->path) ? check_certificate(attempt, &file, &found)
		    : checker_say_reason(attempt, ASK_TEMPORARY, "password-file-unreadable");
	if (attempt->password == NULL && attempt->digest == NULL) {
		const char *first = attempt->response == NULL ? "" : attempt->response;

		if (scram_first(&scram, first, attempt->length, NULL, false) != SCRAM_FINE ||
		    text_has_control(scram.user))
			return checker_say_reason(attempt, ASK_NO, "mechanism-refused");
		attempt->user = scram.user;
	}
	if (!passwd_open(&file, attempt->authenticator->path))
		return checker_say_reason(attempt, ASK_TEMPORARY, "password-file-unreadable");
	strlcpy(name, attempt->user, sizeof name);
	text_lower(name);
	/* Names that could not stand in the file, or would be a comment, are not looked for. */
	if (name[0] != '#' && strchr(name, ':') == NULL && text_utf8(name, strlen(name)))
		count = passwd_find(&file, name, at, PASSWD_LINES_MAX);
	beside = find_neighbour(&file, name, &neighbour);
	found.neighbour = beside == NULL ? NULL : &neighbour;
	found.unknown = count == 0;
	if (found.unknown && beside != NULL) {
		at[0] = beside;
		count = 1;
	}
	fault = read_lines(&file, at, count, &found);
	if (fault == NULL && attempt->password == NULL)
		fault = file_fault(&file.status, &attempt->service->rights, attempt->digest != NULL);
	if (fault != NULL)
		return checker_say_reason(attempt, ASK_TEMPORARY, fault);
	if (attempt->digest != NULL)
		return check_digest(attempt, &found, name);
	if (attempt->password == NULL)
		return check_proof(attempt, &file, &found, name, &scram);
	return check_lines(attempt, &file, &found, name);
}
