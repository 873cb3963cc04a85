/* As python.py: bodies from standard input, each behind its length in four bytes; a line for each with
 * the calls that a server with cJSON would execute. Its keys have no case, its strings end at a NUL,
 * and what stands behind the document is not looked at. */
#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int printed;

static void hex(const char *text) {
    for (; *text; text++) printf("%02x", (unsigned char)*text);
}

static void call(const char *method, const cJSON *name) {
    printf("%scjson:", printed++ ? " " : "");
    hex(method);
    putchar(':');
    if (cJSON_IsString(name)) hex(name->valuestring);
    else putchar('-');
}

static int is_one_of(const char *method, const char *const *methods) {
    for (; *methods; methods++)
        if (strcmp(method, *methods) == 0) return 1;
    return 0;
}

static void calls(const cJSON *value) {
    static const char *const named[] = {"tools/call", "prompts/get", 0};
    static const char *const with_uri[] = {"resources/read", "resources/subscribe", "resources/unsubscribe", 0};
    static const char *const with_task[] = {"tasks/get", "tasks/result", "tasks/cancel", "tasks/update", 0};
    const cJSON *item;
    if (cJSON_IsArray(value)) {
        cJSON_ArrayForEach(item, value) calls(item);
        return;
    }
    const cJSON *method = cJSON_GetObjectItem(value, "method");
    if (!cJSON_IsString(method)) return;
    const cJSON *params = cJSON_GetObjectItem(value, "params");
    const char *text = method->valuestring;
    if (is_one_of(text, named)) {
        call(text, cJSON_GetObjectItem(params, "name"));
    } else if (is_one_of(text, with_uri)) {
        call(text, cJSON_GetObjectItem(params, "uri"));
    } else if (is_one_of(text, with_task)) {
        call(text, cJSON_GetObjectItem(params, "taskId"));
    } else if (strcmp(text, "completion/complete") == 0) {
        const cJSON *reference = cJSON_GetObjectItem(params, "ref");
        const cJSON *type = cJSON_GetObjectItem(reference, "type");
        int is_resource = cJSON_IsString(type) && strcmp(type->valuestring, "ref/resource") == 0;
        call(text, cJSON_GetObjectItem(reference, is_resource ? "uri" : "name"));
    } else if (strcmp(text, "subscriptions/listen") == 0) {
        const cJSON *filter = cJSON_GetObjectItem(params, "notifications");
        const cJSON *uris = cJSON_GetObjectItem(filter, "resourceSubscriptions");
        cJSON_ArrayForEach(item, uris) call(text, item);
        if (cJSON_GetArraySize(uris) == 0) call(text, 0);
    } else {
        call(text, 0);
    }
}

int main(void) {
    unsigned char head[4];
    /* Whoever waits for the answer to a single body gets it. */
    setvbuf(stdout, NULL, _IOLBF, 1 << 16);
    while (fread(head, 1, 4, stdin) == 4) {
        uint32_t length = (uint32_t)head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3];
        char *body = malloc(length + 1);
        if (!body || fread(body, 1, length, stdin) != length) return 1;
        body[length] = 0;
        printed = 0;
        cJSON *value = cJSON_Parse(body);
        calls(value);
        putchar('\n');
        cJSON_Delete(value);
        free(body);
    }
    return 0;
}
