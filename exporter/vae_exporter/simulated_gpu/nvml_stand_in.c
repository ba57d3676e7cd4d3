/* A stand-in for NVIDIA's driver library, libnvidia-ml.so.1. It has the functions that vae_exporter calls, with NVML's
 * binary interface, so that the real pynvml loads it. Its answers come from a text file instead of a GPU.
 *
 * The environment variable NVML_STAND_IN has the path of the file, which is read again whenever it changes. A line is
 *
 *     KEY = VALUE
 *
 * KEY is `driver`, `init`, `calls`, `gpu.N.NAME`, or `gpu.N.mig.M.NAME` for a MIG slice. VALUE is
 *
 *     TEXT or NUMBER       the answer; `1000 + 250/s` is a number that grows from the time when the file was written
 *     error CODE           this nvmlReturn_t
 *     hang                 no answer until the file changes
 *
 * A key that is not in the file is not supported. Three keys are special:
 *
 *     gpu.N.lost = 1       every call for this GPU returns NVML_ERROR_GPU_IS_LOST
 *     gpu.N.xids = 48 63   the XID errors so far; a program receives those that are added after it has registered
 *     calls = PATH         each call appends the name of its function to this file */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum {
    SUCCESS = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7,
    DRIVER_NOT_LOADED = 9,
    TIMEOUT = 10,
    GPU_IS_LOST = 15
};
enum { MOST_GPUS = 16, MOST_SLICES = 7, WHOLE_GPU = -1 };

typedef unsigned long long u64;

/* A handle is the address of one of these. */
typedef struct {
    int gpu, slice;
} Device;

static Device devices[MOST_GPUS][MOST_SLICES + 1];

typedef struct {
    unsigned told[MOST_GPUS]; /* how many XID errors of each GPU have been reported */
    int is_registered[MOST_GPUS];
} Events;

static int sessions;

/* Each thread reads each version of the file once. */
static __thread char text[65536];
static __thread struct stat version;

static const char *file_text(void) {
    const char *path = getenv("NVML_STAND_IN");
    struct stat now;
    if (!path || stat(path, &now)) return "";
    if (now.st_ino != version.st_ino || now.st_mtim.tv_sec != version.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != version.st_mtim.tv_nsec || now.st_size != version.st_size) {
        FILE *file = fopen(path, "r");
        if (!file) return "";
        text[fread(text, 1, sizeof text - 1, file)] = 0;
        fclose(file);
        version = now;
    }
    return text;
}

static int find(const char *key, char *value, size_t size) {
    size_t length = strlen(key);
    for (const char *line = file_text(); line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
        if (strncmp(line, key, length) || strncmp(line + length, " = ", 3)) continue;
        snprintf(value, size, "%.*s", (int)strcspn(line + length + 3, "\n"), line + length + 3);
        return 1;
    }
    return 0;
}

/* Look up KEY, hang while its value is `hang`, and return its error code. */
static int look(const char *key, char *value, size_t size) {
    do {
        if (!find(key, value, size)) return NOT_SUPPORTED;
    } while (!strcmp(value, "hang") && !usleep(10000));
    return strncmp(value, "error ", 6) ? SUCCESS : atoi(value + 6);
}

static void note(const char *function) {
    char path[4096];
    if (!find("calls", path, sizeof path)) return;
    FILE *calls = fopen(path, "a");
    if (!calls) return;
    fprintf(calls, "%s\n", function);
    fclose(calls);
}

static int is_lost(int gpu) {
    char key[64], value[64];
    snprintf(key, sizeof key, "gpu.%d.lost", gpu);
    return find(key, value, sizeof value) && !strcmp(value, "1");
}

static int text_of(const Device *device, const char *name, char *value, size_t size) {
    char key[128];
    if (!sessions) return UNINITIALIZED;
    if (!device || device < &devices[0][0] || device > &devices[MOST_GPUS - 1][MOST_SLICES]) return INVALID_ARGUMENT;
    if (is_lost(device->gpu)) return GPU_IS_LOST;
    if (device->slice == WHOLE_GPU) snprintf(key, sizeof key, "gpu.%d.%s", device->gpu, name);
    else snprintf(key, sizeof key, "gpu.%d.mig.%d.%s", device->gpu, device->slice, name);
    return look(key, value, size);
}

static int number_of(const Device *device, const char *name, u64 *number) {
    char value[256];
    int error = text_of(device, name, value, sizeof value);
    if (error) return error;
    char *rest;
    *number = strtoull(value, &rest, 0);
    double rate;
    if (sscanf(rest, " + %lf/s", &rate) == 1) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        double age = (double)(now.tv_sec - version.st_mtim.tv_sec) + 1e-9 * (double)(now.tv_nsec - version.st_mtim.tv_nsec);
        *number += (u64)(rate * age);
    }
    return SUCCESS;
}

static int copy_of(const Device *device, const char *name, char *target, unsigned size) {
    char value[256];
    int error = text_of(device, name, value, sizeof value);
    if (error) return error;
    if (strlen(value) >= size) return INSUFFICIENT_SIZE;
    strcpy(target, value);
    return SUCCESS;
}

static int unsigned_of(const Device *device, const char *name, unsigned *target) {
    u64 number;
    int error = number_of(device, name, &number);
    if (!error) *target = (unsigned)number;
    return error;
}

EXPORT int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    char value[64];
    note("nvmlInitWithFlags");
    int error = look("init", value, sizeof value);
    if (error) return error == NOT_SUPPORTED ? DRIVER_NOT_LOADED : error;
    for (int gpu = 0; gpu < MOST_GPUS; gpu++)
        for (int slice = 0; slice <= MOST_SLICES; slice++) devices[gpu][slice] = (Device){gpu, slice - 1};
    sessions++;
    return SUCCESS;
}

EXPORT int nvmlShutdown(void) {
    note("nvmlShutdown");
    if (!sessions) return UNINITIALIZED;
    sessions--;
    return SUCCESS;
}

EXPORT const char *nvmlErrorString(int error) {
    static __thread char words[64];
    snprintf(words, sizeof words, "stand-in error %d", error);
    return words;
}

EXPORT int nvmlSystemGetDriverVersion(char *target, unsigned size) {
    char value[256];
    note("nvmlSystemGetDriverVersion");
    if (!sessions) return UNINITIALIZED;
    int error = look("driver", value, sizeof value);
    if (!error) snprintf(target, size, "%s", value);
    return error;
}

EXPORT int nvmlDeviceGetCount_v2(unsigned *count) {
    char key[64], value[256];
    note("nvmlDeviceGetCount_v2");
    if (!sessions) return UNINITIALIZED;
    for (*count = 0; *count < MOST_GPUS; ++*count) {
        snprintf(key, sizeof key, "gpu.%u.uuid", *count);
        if (!find(key, value, sizeof value)) break;
    }
    return SUCCESS;
}

EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device **device) {
    unsigned count;
    note("nvmlDeviceGetHandleByIndex_v2");
    int error = nvmlDeviceGetCount_v2(&count);
    if (error) return error;
    if (index >= count) return INVALID_ARGUMENT;
    if (is_lost((int)index)) return GPU_IS_LOST;
    *device = &devices[index][0];
    return SUCCESS;
}

EXPORT int nvmlDeviceGetUUID(Device *device, char *target, unsigned size) {
    note("nvmlDeviceGetUUID");
    return copy_of(device, "uuid", target, size);
}

EXPORT int nvmlDeviceGetName(Device *device, char *target, unsigned size) {
    note("nvmlDeviceGetName");
    return copy_of(device, "name", target, size);
}

typedef struct {
    char bus_id_legacy[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
} PciInfo;

EXPORT int nvmlDeviceGetPciInfo_v3(Device *device, PciInfo *pci) {
    note("nvmlDeviceGetPciInfo_v3");
    memset(pci, 0, sizeof *pci);
    return copy_of(device, "pci_bus_id", pci->bus_id, sizeof pci->bus_id);
}

typedef struct {
    u64 total, free, used;
} Memory;

typedef struct {
    unsigned version;
    u64 total, reserved, free, used;
} MemoryV2;

EXPORT int nvmlDeviceGetMemoryInfo_v2(Device *device, MemoryV2 *memory) {
    note("nvmlDeviceGetMemoryInfo_v2");
    int error = number_of(device, "memory.reserved", &memory->reserved);
    if (!error) error = number_of(device, "memory.total", &memory->total);
    if (!error) error = number_of(device, "memory.used", &memory->used);
    if (!error) memory->free = memory->total - memory->reserved - memory->used;
    return error;
}

EXPORT int nvmlDeviceGetMemoryInfo(Device *device, Memory *memory) {
    u64 reserved = 0;
    note("nvmlDeviceGetMemoryInfo");
    int error = number_of(device, "memory.total", &memory->total);
    if (!error) error = number_of(device, "memory.used", &memory->used);
    if (error) return error;
    if (!number_of(device, "memory.reserved", &reserved)) memory->used += reserved;
    memory->free = memory->total - memory->used;
    return SUCCESS;
}

EXPORT int nvmlDeviceGetTemperature(Device *device, int sensor, unsigned *celsius) {
    note("nvmlDeviceGetTemperature");
    return sensor ? INVALID_ARGUMENT : unsigned_of(device, "temperature", celsius);
}

typedef union {
    double d;
    unsigned ui;
    u64 ull;
} Value;

typedef struct {
    unsigned field, scope;
    long long timestamp, latency;
    int value_type, error;
    Value value;
} FieldValue;

EXPORT int nvmlDeviceGetFieldValues(Device *device, int count, FieldValue *values) {
    char uuid[128];
    note("nvmlDeviceGetFieldValues");
    int error = text_of(device, "uuid", uuid, sizeof uuid);
    if (error) return error;
    for (int i = 0; i < count; i++) {
        values[i].error = NOT_SUPPORTED;
        if (values[i].field == 82) values[i].error = unsigned_of(device, "memory_temperature", &values[i].value.ui);
    }
    return SUCCESS;
}

EXPORT int nvmlDeviceGetPowerUsage(Device *device, unsigned *milliwatts) {
    note("nvmlDeviceGetPowerUsage");
    return unsigned_of(device, "power", milliwatts);
}

EXPORT int nvmlDeviceGetTotalEnergyConsumption(Device *device, u64 *millijoules) {
    note("nvmlDeviceGetTotalEnergyConsumption");
    return number_of(device, "energy", millijoules);
}

typedef struct {
    unsigned gpu, memory;
} Utilization;

EXPORT int nvmlDeviceGetUtilizationRates(Device *device, Utilization *rates) {
    note("nvmlDeviceGetUtilizationRates");
    int error = unsigned_of(device, "utilization.gpu", &rates->gpu);
    return error ? error : unsigned_of(device, "utilization.memory", &rates->memory);
}

EXPORT int nvmlDeviceGetClockInfo(Device *device, unsigned type, unsigned *megahertz) {
    static const char *const names[] = {"clock.graphics", "clock.sm", "clock.memory", "clock.video"};
    note("nvmlDeviceGetClockInfo");
    return type > 3 ? INVALID_ARGUMENT : unsigned_of(device, names[type], megahertz);
}

EXPORT int nvmlDeviceGetCurrentClocksEventReasons(Device *device, u64 *reasons) {
    note("nvmlDeviceGetCurrentClocksEventReasons");
    return number_of(device, "throttled", reasons);
}

EXPORT int nvmlDeviceGetSupportedClocksEventReasons(Device *device, u64 *reasons) {
    note("nvmlDeviceGetSupportedClocksEventReasons");
    return number_of(device, "throttled.supported", reasons);
}

EXPORT int nvmlDeviceGetTotalEccErrors(Device *device, unsigned type, unsigned counter, u64 *count) {
    note("nvmlDeviceGetTotalEccErrors");
    if (type > 1 || counter) return INVALID_ARGUMENT;
    return number_of(device, type ? "ecc.uncorrected" : "ecc.corrected", count);
}

EXPORT int nvmlDeviceGetRemappedRows(Device *device, unsigned *corrected, unsigned *uncorrected, unsigned *pending,
                                     unsigned *failed) {
    note("nvmlDeviceGetRemappedRows");
    int error = unsigned_of(device, "rows.corrected", corrected);
    if (!error) error = unsigned_of(device, "rows.uncorrected", uncorrected);
    if (!error) error = unsigned_of(device, "rows.pending", pending);
    return error ? error : unsigned_of(device, "rows.failed", failed);
}

EXPORT int nvmlDeviceGetMigMode(Device *device, unsigned *current, unsigned *pending) {
    note("nvmlDeviceGetMigMode");
    int error = unsigned_of(device, "mig", current);
    *pending = *current;
    return error;
}

EXPORT int nvmlDeviceGetMaxMigDeviceCount(Device *device, unsigned *count) {
    char uuid[128];
    note("nvmlDeviceGetMaxMigDeviceCount");
    *count = MOST_SLICES;
    return text_of(device, "uuid", uuid, sizeof uuid);
}

EXPORT int nvmlDeviceGetMigDeviceHandleByIndex(Device *device, unsigned index, Device **slice) {
    char uuid[128];
    note("nvmlDeviceGetMigDeviceHandleByIndex");
    if (index >= MOST_SLICES) return INVALID_ARGUMENT;
    *slice = &devices[device->gpu][index + 1];
    return text_of(*slice, "uuid", uuid, sizeof uuid) ? NOT_FOUND : SUCCESS;
}

EXPORT int nvmlDeviceGetGpuInstanceId(Device *device, unsigned *instance) {
    note("nvmlDeviceGetGpuInstanceId");
    return unsigned_of(device, "gpu_instance", instance);
}

EXPORT int nvmlDeviceGetComputeInstanceId(Device *device, unsigned *instance) {
    note("nvmlDeviceGetComputeInstanceId");
    return unsigned_of(device, "compute_instance", instance);
}

typedef struct {
    unsigned pid;
    u64 used;
    unsigned gpu_instance, compute_instance;
} Process;

/* `processes = PID:BYTES PID:BYTES`, with `-` for unknown bytes. */
EXPORT int nvmlDeviceGetComputeRunningProcesses_v3(Device *device, unsigned *count, Process *processes) {
    char value[1024];
    note("nvmlDeviceGetComputeRunningProcesses_v3");
    int error = text_of(device, "processes", value, sizeof value);
    if (error) return error;
    unsigned room = processes ? *count : 0, found = 0;
    char *rest = NULL;
    for (char *part = strtok_r(value, " ", &rest); part; part = strtok_r(NULL, " ", &rest), found++) {
        char *bytes = strchr(part, ':');
        if (found >= room || !bytes) continue;
        u64 used = bytes[1] == '-' ? ~0ULL : strtoull(bytes + 1, NULL, 0);
        processes[found] = (Process){(unsigned)atoi(part), used, ~0U, ~0U};
    }
    *count = found;
    return found > room ? INSUFFICIENT_SIZE : SUCCESS;
}

EXPORT int nvmlDeviceGetSupportedEventTypes(Device *device, u64 *types) {
    note("nvmlDeviceGetSupportedEventTypes");
    return number_of(device, "events.supported", types);
}

EXPORT int nvmlEventSetCreate(Events **events) {
    note("nvmlEventSetCreate");
    if (!sessions) return UNINITIALIZED;
    *events = calloc(1, sizeof **events);
    return SUCCESS;
}

EXPORT int nvmlEventSetFree(Events *events) {
    note("nvmlEventSetFree");
    free(events);
    return SUCCESS;
}

/* Return the XID error at PLACE in the GPU's list, or 0 past its end. A lost GPU still has its list. */
static unsigned xid_at(int gpu, unsigned place) {
    char key[64], value[1024];
    snprintf(key, sizeof key, "gpu.%d.xids", gpu);
    if (!find(key, value, sizeof value)) return 0;
    char *rest = NULL;
    for (char *part = strtok_r(value, " ", &rest); part; part = strtok_r(NULL, " ", &rest))
        if (!place--) return (unsigned)atoi(part);
    return 0;
}

EXPORT int nvmlDeviceRegisterEvents(Device *device, u64 types, Events *events) {
    char uuid[128];
    note("nvmlDeviceRegisterEvents");
    int error = text_of(device, "uuid", uuid, sizeof uuid);
    if (error) return error;
    if (device->slice != WHOLE_GPU || types != 8) return INVALID_ARGUMENT;
    events->is_registered[device->gpu] = 1;
    while (xid_at(device->gpu, events->told[device->gpu])) events->told[device->gpu]++;
    return SUCCESS;
}

typedef struct {
    Device *device;
    u64 type, data;
    unsigned gpu_instance, compute_instance;
} EventData;

EXPORT int nvmlEventSetWait_v2(Events *events, EventData *data, unsigned milliseconds) {
    char value[64];
    (void)milliseconds; /* the exporter never waits */
    note("nvmlEventSetWait_v2");
    if (!sessions) return UNINITIALIZED;
    for (int gpu = 0; gpu < MOST_GPUS; gpu++) {
        unsigned xid = events->is_registered[gpu] ? xid_at(gpu, events->told[gpu]) : 0;
        if (!xid) continue;
        events->told[gpu]++;
        char key[64];
        snprintf(key, sizeof key, "gpu.%d.xids.gpu_instance", gpu);
        unsigned instance = find(key, value, sizeof value) ? (unsigned)atoi(value) : ~0U;
        *data = (EventData){&devices[gpu][0], 8, xid, instance, ~0U};
        return SUCCESS;
    }
    return TIMEOUT;
}
