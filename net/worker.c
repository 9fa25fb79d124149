#include "net/worker.h"

#include <errno.h>
#include <glib-unix.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/panic.h"

/* A commit or a fold, with the saves and their bytes behind it. */
typedef struct Job {
    struct Job *next;
    LedgerImage *image; /* NULL: a commit */
    uint64_t commit;    /* this one; or the last one that the image shows */
    size_t count;
    ShelfRecord saves[];
} Job;

struct Worker {
    Store *store; /* one of the two; the thread's */
    Ledger *ledger;
    pthread_t thread;
    int wake; /* eventfd: the report has changed */

    /* The main loop's. */
    WorkerNotify notify;
    void *user;
    guint source;
    uint64_t commit; /* the last one handed over */

    /* Shared, under the mutex. */
    pthread_mutex_t mutex;
    pthread_cond_t asked;
    Job *first;
    Job **end;
    bool stopping;
    WorkerReport report;
    char *error;
};

static void job_free(Job *job)
{
    ledger_image_free(job->image);
    g_free(job);
}

static void jobs_free(Job *job)
{
    while (job != NULL) {
        Job *next = job->next;
        job_free(job);
        job = next;
    }
}

/* --- on the thread --- */

/* All that was asked for by now; NULL: the end. */
static Job *take_jobs(Worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    while (worker->first == NULL && !worker->stopping)
        pthread_cond_wait(&worker->asked, &worker->mutex);
    Job *jobs = worker->stopping ? NULL : worker->first;
    if (jobs != NULL) {
        worker->first = NULL;
        worker->end = &worker->first;
    }
    pthread_mutex_unlock(&worker->mutex);
    return jobs;
}

static void publish(Worker *worker, const WorkerReport *report)
{
    pthread_mutex_lock(&worker->mutex);
    worker->report = *report;
    pthread_mutex_unlock(&worker->mutex);
    uint64_t one = 1;
    ssize_t written = write(worker->wake, &one, sizeof one);
    INVARIANT_THAT(written, ==, (ssize_t)sizeof one);
}

/* One record of them all, in which the last save of a slot and index stands for those before it. */
static int commit_to_store(Store *store, const Job *job, const Job *end, GString *error)
{
    GArray *saves = g_array_new(FALSE, FALSE, sizeof(ShelfRecord));
    GHashTable *places = g_hash_table_new(g_direct_hash, g_direct_equal);
    for (; job != end; job = job->next) {
        for (size_t i = 0; i < job->count; i++) {
            gpointer key = GUINT_TO_POINTER((guint)job->saves[i].slot << 16 | job->saves[i].index);
            gpointer place;
            if (g_hash_table_lookup_extended(places, key, NULL, &place)) {
                g_array_index(saves, ShelfRecord, GPOINTER_TO_UINT(place)) = job->saves[i];
            } else {
                g_hash_table_insert(places, key, GUINT_TO_POINTER(saves->len));
                g_array_append_val(saves, job->saves[i]);
            }
        }
    }
    int code =
        store_commit(store, (const ShelfRecord *)(const void *)saves->data, saves->len, error);
    g_hash_table_unref(places);
    g_array_free(saves, TRUE);
    return code;
}

static int commit_to_ledger(Ledger *ledger, const Job *job, const Job *end, GString *error)
{
    for (; job != end; job = job->next) {
        for (size_t i = 0; i < job->count; i++)
            ledger_add(ledger, job->saves[i].bytes, job->saves[i].length);
    }
    return ledger_commit(ledger, error);
}

/* Does the first of these jobs, together with the commits behind it if it is one; `rest` gets what
 * is left to do. */
static int do_first(Worker *worker, Job *job, Job **rest, WorkerReport *report, GString *error)
{
    int code;
    *rest = job->next;
    if (job->image != NULL) {
        code = ledger_fold(worker->ledger, job->image, error);
        report->folds++;
        report->shown = job->commit;
        return code;
    }
    report->durable = job->commit;
    while (*rest != NULL && (*rest)->image == NULL) {
        report->durable = (*rest)->commit;
        *rest = (*rest)->next;
    }
    return worker->store != NULL ? commit_to_store(worker->store, job, *rest, error)
                                 : commit_to_ledger(worker->ledger, job, *rest, error);
}

static void look(const Ledger *ledger, WorkerReport *report)
{
    if (ledger == NULL)
        return;
    report->unfolded = ledger_unfolded(ledger);
    report->outgrown = ledger_outgrown(ledger);
    report->small = ledger_small(ledger);
}

static void *work(void *user)
{
    Worker *worker = user;
    WorkerReport report = {0};
    GString *error = g_string_new(NULL);
    int code = 0;
    Job *jobs;
    while (code == 0 && (jobs = take_jobs(worker)) != NULL) {
        for (Job *job = jobs, *rest; job != NULL && code == 0; job = rest) {
            WorkerReport done = report;
            code = do_first(worker, job, &rest, &done, error);
            if (code == 0) {
                report = done;
                look(worker->ledger, &report);
            } else {
                report.error = worker->error = g_strdup(error->str);
            }
            publish(worker, &report);
        }
        jobs_free(jobs);
    }
    g_string_free(error, TRUE);
    return NULL;
}

/* --- on the main loop --- */

static gboolean on_wake(gint fd, GIOCondition condition, gpointer user)
{
    (void)condition;
    Worker *worker = user;
    uint64_t count;
    if (read(fd, &count, sizeof count) != (ssize_t)sizeof count)
        return G_SOURCE_CONTINUE;
    pthread_mutex_lock(&worker->mutex);
    WorkerReport report = worker->report;
    pthread_mutex_unlock(&worker->mutex);
    worker->notify(worker->user, &report);
    return G_SOURCE_CONTINUE;
}

/* 0 or a negative errno. */
static int start(Worker *worker)
{
    sigset_t all;
    sigset_t before;
    worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->wake < 0)
        return -errno;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main loop's */
    int code = pthread_create(&worker->thread, NULL, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0)
        close(worker->wake);
    return -code;
}

static void discard(Worker *worker)
{
    pthread_cond_destroy(&worker->asked);
    pthread_mutex_destroy(&worker->mutex);
    g_free(worker->error);
    g_free(worker);
}

static Worker *worker_new(Store *store, Ledger *ledger, WorkerNotify notify, void *user,
                          GString *error)
{
    Worker *worker = g_new0(Worker, 1);
    worker->store = store;
    worker->ledger = ledger;
    worker->notify = notify;
    worker->user = user;
    worker->end = &worker->first;
    pthread_mutex_init(&worker->mutex, NULL);
    pthread_cond_init(&worker->asked, NULL);
    int code = start(worker);
    if (code < 0) {
        g_string_printf(error, "cannot start the thread that writes: %s", g_strerror(-code));
        discard(worker);
        return NULL;
    }
    worker->source = g_unix_fd_add(worker->wake, G_IO_IN, on_wake, worker);
    return worker;
}

Worker *worker_new_store(Store *store, WorkerNotify notify, void *user, GString *error)
{
    return worker_new(store, NULL, notify, user, error);
}

Worker *worker_new_ledger(Ledger *ledger, WorkerNotify notify, void *user, GString *error)
{
    return worker_new(NULL, ledger, notify, user, error);
}

void worker_free(Worker *worker)
{
    if (worker == NULL)
        return;
    pthread_mutex_lock(&worker->mutex);
    worker->stopping = true;
    pthread_cond_signal(&worker->asked);
    pthread_mutex_unlock(&worker->mutex);
    pthread_join(worker->thread, NULL);
    jobs_free(worker->first);
    g_source_remove(worker->source);
    close(worker->wake);
    discard(worker);
}

static void ask(Worker *worker, Job *job)
{
    pthread_mutex_lock(&worker->mutex);
    *worker->end = job;
    worker->end = &job->next;
    pthread_cond_signal(&worker->asked);
    pthread_mutex_unlock(&worker->mutex);
}

/* The saves come first; bytes behind them all, copied. */
static Job *commit_job(const Effects *effects, const ShelfRecord *more)
{
    size_t count = 0;
    size_t bytes = more != NULL ? more->length : 0;
    while (count < effects_count(effects) && effects_at(effects, count)->kind == EFFECT_SAVE)
        bytes += effects_at(effects, count++)->save.length;
    size_t total = count + (more != NULL);
    Job *job = g_malloc(sizeof *job + total * sizeof *job->saves + bytes);
    *job = (Job){.count = total};
    for (size_t i = 0; i < count; i++) {
        const Effect *effect = effects_at(effects, i);
        job->saves[i] = (ShelfRecord){effect->save.slot, effect->save.index, effect->save.bytes,
                                      effect->save.length};
    }
    if (more != NULL)
        job->saves[count] = *more;
    uint8_t *room = (uint8_t *)(job->saves + total);
    for (size_t i = 0; i < total; i++) {
        ShelfRecord *save = &job->saves[i];
        if (save->length > 0)
            memcpy(room, save->bytes, save->length);
        save->bytes = room;
        room += save->length;
    }
    return job;
}

void worker_commit(Worker *worker, uint64_t commit, const Effects *effects, const ShelfRecord *more)
{
    INVARIANT_THAT(commit, >, worker->commit);
    Job *job = commit_job(effects, more);
    job->commit = worker->commit = commit;
    ask(worker, job);
}

void worker_fold(Worker *worker, LedgerImage *image)
{
    INVARIANT(worker->ledger != NULL);
    Job *job = g_new0(Job, 1);
    job->image = image;
    job->commit = worker->commit;
    ask(worker, job);
}
